"""Every family, fitted once per session on the world, and asked through its written artifact."""

from typing import get_args

import pytest

from pipelines.models.artifact import Artifact, open_artifact, write
from pipelines.models.family import fit
from pipelines.params import Family
from tests.world import VALIDATION_CUT, World, make_world, world_params

FAMILIES = get_args(Family)


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
            fitted = fit(
                family, world.data, params, until=VALIDATION_CUT, epochs=None, calibration=None
            )
            write(root / family, fitted, world.data, params, last)
            opened[family] = open_artifact(root / family)
        return opened[family]

    return of


@pytest.fixture(params=FAMILIES)
def model(request, artifacts) -> Artifact:
    return artifacts(request.param)


@pytest.fixture(params=("cf", "multitask"))
def personal(request, artifacts) -> Artifact:
    """The families that read which items follow which."""
    return artifacts(request.param)


@pytest.fixture(params=("popularity", "cf", "content"))
def linear(request, artifacts) -> Artifact:
    """The families whose score is a sum, so that they can say why."""
    return artifacts(request.param)


@pytest.fixture
def multitask(artifacts) -> Artifact:
    return artifacts("multitask")
