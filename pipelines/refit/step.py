"""`refit`: fits the winner's recipe, for its epochs, on everything through the newest event."""

from pathlib import Path
from tempfile import TemporaryDirectory

from pipelines import storage
from pipelines.contracts.model import PREPARED, REFIT, WINNER, Refitted, Winner
from pipelines.cost import measured
from pipelines.errors import DataChanged
from pipelines.models import artifact
from pipelines.models.examples import PreparedData
from pipelines.models.family import Source, code_digest, fit, parts
from pipelines.params import Params


@measured("refit")
def run(params: Params) -> Refitted:
    """Writes `artifacts/refit`, the model that will be served.

    Raises:
        DataChanged: The family's code is not the code that was judged.
    """
    winner = storage.read_record(WINNER, Winner)
    recipe = _recipe(params, winner)
    _require_judged_code(winner, recipe)
    data = PreparedData.load(PREPARED)

    newest = data.prepared.newest_event
    with TemporaryDirectory() as scratch:
        fitted = fit(
            winner.family,
            data,
            recipe,
            until=newest + 1,
            epochs=winner.epochs,
            calibration=winner.calibration,
            sources=_sources(winner, recipe, data, Path(scratch)),
        )
        artifact.write(REFIT, fitted, data, recipe, newest)

    return Refitted(
        family=winner.family,
        artifact=str(REFIT),
        artifact_digest=artifact.model_digest(REFIT),
        fit_until=storage.micros_to_rfc3339(newest),
    )


def _recipe(params: Params, winner: Winner) -> Params:
    """The parameters with the sections that the winner was judged with."""
    return Params.model_validate({**params.model_dump(by_alias=True), **winner.params})


def _sources(
    winner: Winner, recipe: Params, data: PreparedData, scratch: Path
) -> dict[str, Source]:
    """What a blend is made of, each fitted by its own recipe through the newest event."""
    sources, newest = {}, data.prepared.newest_event
    for name in parts(winner.family, recipe):
        told = winner.calibration["sources"][name]
        epochs, calibration = told["epochs"], told["calibration"]
        fitted = fit(name, data, recipe, until=newest + 1, epochs=epochs, calibration=calibration)
        artifact.write(scratch / name, fitted, data, recipe, newest)
        sources[name] = Source(scratch / name, epochs, calibration)
    return sources


def _require_judged_code(winner: Winner, recipe: Params) -> None:
    if code_digest(winner.family, parts(winner.family, recipe)) != winner.code_digest:
        raise DataChanged(
            f"the code of {winner.family} is not the code that was judged",
            where=[str(WINNER)],
            hint="run `dvc repro`: it trains and judges the new code first",
        )
