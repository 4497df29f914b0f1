"""What every family offers: a fit that returns the served module, found by the family's name."""

import hashlib
import importlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any, NamedTuple, cast

from pipelines.errors import NothingToLearn
from pipelines.models.examples import PreparedData
from pipelines.params import Params
from pipelines.storage import micros_to_rfc3339, sha256_file

Calibration = Mapping[str, Any]
"""What maps a family's raw predictions to natural units; JSON, reusable by a later fit."""

OnEpoch = Callable[[int, float], None]
"""Is told an epoch's number, from 1, and the headline metric on validation after it."""

_HERE = Path(__file__).parent
_USES_LOOP = {"multitask"}


class Source(NamedTuple):
    """A fitted family that a blend is made of."""

    folder: Path
    """Its artifact."""
    epochs: int
    """What another fit of it is told."""
    calibration: Calibration
    """What another fit of it is told."""


NO_SOURCES: Mapping[str, Source] = MappingProxyType({})


@dataclass(frozen=True)
class Fitted:
    """A fitted model, ready to be written as an artifact."""

    family: str
    module: Any
    """A `tf.Module` with the served signatures."""
    max_history: int
    task_weights: list[float]
    """The default weight of each task in the score, in the descriptor's order."""
    epochs: int
    """What another fit of the same recipe is told; 0 for families without epochs."""
    calibration: Calibration
    learning_curve: list[dict[str, float]]
    """One row per epoch."""
    notes: str
    """What the card says about how it scores."""


def fit(
    name: str,
    data: PreparedData,
    params: Params,
    *,
    until: int,
    epochs: int | None,
    calibration: Calibration | None,
    sources: Mapping[str, Source] = NO_SOURCES,
    on_epoch: OnEpoch | None = None,
) -> Fitted:
    """Fits a family on the interactions before `until`, microseconds.

    Args:
        name: A family of params.yaml.
        data: Prepared tables.
        params: All parameters; a family reads its own section and `fit`.
        until: The fit window ends before this instant.
        epochs: How many; None = stop early by the validation window.
        calibration: A former fit's; None = fit it on the validation window, if there is one.
        sources: By family, what a blend is made of, fitted up to `until`.
        on_epoch: Told of every epoch that is scored, by families that learn by epochs.

    Raises:
        NothingToLearn: The fit window holds no interaction with an item of the catalogue.
        NonFinite: The loss, a weight or a score became NaN or infinite.
    """
    if not (data.item_rows[data.rows(end=until)] >= 0).any():
        raise NothingToLearn(
            f"no interaction before {micros_to_rfc3339(until)} is with an item of the catalogue",
            hint="accept more partitions, or an items snapshot that knows their items",
        )
    from pipelines.models import engine  # late: who asks for a digest alone needs no TensorFlow

    engine.make_repeatable(params.fit.seed, params.fit.threads)
    # by name and not by import: no family depends on another, so an edit of one refits that one
    family = importlib.import_module(f"pipelines.models.{name}")
    told: dict[str, Any] = {"until": until, "calibration": calibration}
    told |= {"sources": sources} if parts(name, params) else {"epochs": epochs}
    if name in _USES_LOOP:
        told["on_epoch"] = on_epoch
    return cast("Fitted", family.fit(data, params, **told))


def parts(name: str, params: Params) -> list[str]:
    """The families that a blend is made of; none for a family that stands alone."""
    return list(params.blend.sources) if name in params.blends else []


def sections(name: str, params: Params) -> dict[str, Any]:
    """The sections of params.yaml that a fit reads, its sources' too."""
    everything = params.model_dump(by_alias=True)
    return {section: everything[section] for section in ("fit", name, *parts(name, params))}


def code_digest(name: str, sources: Sequence[str] = ()) -> str:
    """SHA-256 over the code that a family's fit runs: its folder, its sources', what all share."""
    names = [name, *sources]
    if _USES_LOOP.intersection(names):
        names.append("fitting")
    folders = [_HERE / each for each in names]
    paths = sorted([*_HERE.glob("*.py"), *(path for f in folders for path in f.rglob("*.py"))])
    lines = (f"{path.relative_to(_HERE).as_posix()}\0{sha256_file(path)}\n" for path in paths)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
