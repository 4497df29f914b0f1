"""Every family, fitted once per session on the world, and asked through its written artifact."""

from typing import get_args

import pytest

from pipelines.models.artifact import Artifact, open_artifact, write
from pipelines.models.family import Source, fit, parts
from pipelines.params import Blend, Family
from tests.world import VALIDATION_CUT, World, make_world, world_params

FAMILIES = (*get_args(Family), *get_args(Blend))


@pytest.fixture(scope="session")
def world() -> World:
    return make_world()


@pytest.fixture(scope="session")
def artifacts(world, tmp_path_factory):
    """Returns a function: family to its artifact, fitted at the first call."""
    root = tmp_path_factory.mktemp("artifacts")
    opened: dict[str, Artifact] = {}

    def of(family: str) -> Artifact:
        if family not in opened:
            params, last = world_params(), VALIDATION_CUT - 1
            sources = {}
            for name in parts(family, params):
                of(name)
                sources[name] = Source(root / name, 0, {})
            fitted = fit(
                family,
                world.data,
                params,
                until=VALIDATION_CUT,
                epochs=None,
                calibration=None,
                sources=sources,
            )
            write(root / family, fitted, world.data, params, last)
            opened[family] = open_artifact(root / family)
        return opened[family]

    return of


@pytest.fixture(params=FAMILIES)
def model(request, artifacts) -> Artifact:
    return artifacts(request.param)


@pytest.fixture(params=("cf", "neighbours", "als", "sequence", "multitask", "blend"))
def personal(request, artifacts) -> Artifact:
    """The families that read which items follow which."""
    return artifacts(request.param)


@pytest.fixture(params=("popularity", "cf", "content", "neighbours", "als", "sequence"))
def linear(request, artifacts) -> Artifact:
    """The families whose score is a sum, so that they can say why."""
    return artifacts(request.param)


@pytest.fixture
def multitask(artifacts) -> Artifact:
    return artifacts("multitask")
