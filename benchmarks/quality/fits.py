"""Fits for the benchmark, kept on disk by what they depend on: a killed run goes on."""

import hashlib
import json
from dataclasses import dataclass
from pathlib import Path

from pipelines import progress, storage
from pipelines.contracts.record import Record
from pipelines.models import artifact
from pipelines.models.examples import PreparedData
from pipelines.models.family import Calibration, Source, code_digest, fit, parts, sections
from pipelines.params import Params


@dataclass(frozen=True)
class Recipe:
    """A contender by the name that the tables give it."""

    name: str
    family: str
    params: Params


@dataclass(frozen=True)
class Cut:
    """What a protocol lets a model learn from.

    Args:
        name: Of the protocol.
        data: Prepared tables.
        until: Fits end before this instant, microseconds.
        base: Where epochs and calibration are taken from; None = found on the validation window.
    """

    name: str
    data: PreparedData
    until: int
    base: "Cut | None"


class Known(Record):
    """What another fit of the same recipe is told."""

    epochs: int
    calibration: dict[str, object]


def source(folder: Path, recipe: Recipe, cut: Cut) -> Source:
    """The recipe's artifact up to the cut, fitted now unless it is there."""
    kept = folder / f"{cut.name}-{recipe.family}-{_digest(recipe, cut)}"
    if not (kept / "known.json").is_file():
        _fit(folder, recipe, cut, kept)
    known = storage.read_record(kept / "known.json", Known)
    return Source(kept / "artifact", known.epochs, known.calibration)


def _fit(folder: Path, recipe: Recipe, cut: Cut, kept: Path) -> None:
    progress.log(f"{recipe.name}, seed {recipe.params.fit.seed}: fits for {cut.name}")
    epochs: int | None = None
    calibration: Calibration | None = None
    if cut.base is not None:
        base = source(folder, recipe, cut.base)
        epochs, calibration = base.epochs, base.calibration
    names = parts(recipe.family, recipe.params)
    sources = {name: source(folder, Recipe(name, name, recipe.params), cut) for name in names}
    fitted = fit(
        recipe.family,
        cut.data,
        recipe.params,
        until=cut.until,
        epochs=epochs,
        calibration=calibration,
        sources=sources,
    )
    last = cut.data.last_instant(cut.until)
    artifact.write(kept / "artifact", fitted, cut.data, recipe.params, last)
    known = Known(epochs=fitted.epochs, calibration=dict(fitted.calibration))
    storage.write_record(kept / "known.json", known)


def _digest(recipe: Recipe, cut: Cut) -> str:
    facts = {
        "code": code_digest(recipe.family, parts(recipe.family, recipe.params)),
        "params": sections(recipe.family, recipe.params),
        "events": len(cut.data.interactions),
        "data": cut.data.prepared.model_dump(mode="json"),
        "until": cut.until,
    }
    text = json.dumps(facts, sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:16]
