"""How a written artifact does on the validation window: what `train` reports, `tune` maximises."""

from pathlib import Path
from typing import NamedTuple

from pipelines.contracts.model import Estimates, UserGains
from pipelines.measures.protocols import Questions, live
from pipelines.measures.scores import Window, estimates, user_gains
from pipelines.models import artifact
from pipelines.models.examples import PreparedData
from pipelines.params import Params


class Validation(NamedTuple):
    """Figures of one model on the validation window, `live`."""

    estimates: Estimates
    users: UserGains


def on_validation(folder: Path, data: PreparedData, params: Params) -> Validation | None:
    """Scores an artifact's files through the served signatures; None without such a window.

    Args:
        folder: The artifact.
        data: Prepared tables; a refresh has no validation window.
        params: How to measure, and the seed of the resamples.

    Raises:
        BadArtifact: The folder is not what its manifest says.
    """
    rows = data.window("validation")
    if not len(rows):
        return None
    settings = params.evaluate
    model = artifact.open_artifact(folder)
    asked = Questions(data, rows, settings.k, settings.batch)
    window = Window.of(data, rows, params)
    answers = live(model, asked, f"{model.manifest.family} on validation")
    return Validation(estimates(answers, window), user_gains(answers.ranks, window))
