"""The multi-task model against twins that learn one task each; in a clone with data/prepared.

    python -m benchmarks.twins          # four fits; writes reports/twins.json and appendix.html

Each twin has the same parameters and epochs, with the loss weight of all tasks of another kind at
0; so has its score. Nothing is chosen here: validation and test are both told.
"""

import sys
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from benchmarks import record
from pipelines import storage
from pipelines.contracts.model import PREPARED, Estimate
from pipelines.contracts.twins import TWINS, Twin, Twins, WindowName
from pipelines.descriptors import BinaryTask
from pipelines.evaluate import appendix
from pipelines.measures.bootstrap import DIGITS
from pipelines.measures.metrics import prediction
from pipelines.measures.protocols import Answers, Questions, live
from pipelines.measures.scores import Labelled, Window, labelled
from pipelines.models import artifact
from pipelines.models.examples import PreparedData
from pipelines.models.family import fit
from pipelines.params import Params

FAMILY = "multitask"
KINDS = ("retrieval", "binary", "regression")
WINDOWS: tuple[WindowName, ...] = ("validation", "test")


def main() -> int:
    """Fits, measures and keeps the result."""
    data, params = PreparedData.load(PREPARED), Params.load()
    windows = {name: _window(params, data, name) for name in WINDOWS}
    together, epochs = _answers(params, windows, None)
    found = []
    for kind in dict.fromkeys(task.kind for task in data.prepared.tasks):
        alone, _ = _answers(Params.load(overrides=_alone(kind)), windows, epochs)
        for name, window in windows.items():
            found += compare(kind, name, (together[name], alone[name]), window)
    result = Twins(schema=1, data_version=data.prepared.data_version, epochs=epochs, twins=found)
    storage.write_record(TWINS, result)
    appendix.write()
    record.keep("twins", result.model_dump(mode="json", by_alias=True))
    return 0


def compare(
    kind: str, name: WindowName, answers: tuple[Answers, Answers], window: Window
) -> list[Twin]:
    """Compares two models on what a kind of task is for.

    Args:
        kind: Of the tasks that the twin learnt.
        name: Of the window.
        answers: The multi-task model's, and the twin's.
        window: What the answers are about.
    """
    if kind == "retrieval":
        gains = [window.gains(side.ranks) for side in answers]
        tasks = " and ".join(task.name for task in window.data.prepared.tasks if task.kind == kind)
        sides = [float(values.mean()) for values in gains]
        gap = window.bootstrap.mean(gains[0] - gains[1])
        return [_twin(tasks, window.headline, name, sides, gap)]
    heads = zip(*(labelled(side, window) for side in answers), strict=True)
    return [
        _of_head(ours, theirs, name, window) for ours, theirs in heads if ours.task.kind == kind
    ]


def _of_head(ours: Labelled, theirs: Labelled, name: WindowName, window: Window) -> Twin:
    metric = prediction.auc if isinstance(ours.task, BinaryTask) else prediction.rmse
    of = [partial(metric, head.labels, head.predictions) for head in (ours, theirs)]
    resamples = window.resamples(window.users[ours.inside])
    gap = resamples.statistic(lambda weights: of[0](weights) - of[1](weights))
    values = [side(np.ones(len(ours.labels))) for side in of]
    return _twin(ours.task.name, f"{ours.task.name}_{metric.__name__}", name, values, gap)


def _twin(
    task: str, metric: str, window: WindowName, sides: Sequence[float], gap: Estimate
) -> Twin:
    together, alone = (round(value, DIGITS) for value in sides)
    return Twin(task=task, metric=metric, window=window, together=together, alone=alone, gap=gap)


def _alone(kind: str) -> list[str]:
    """Overrides that leave one kind of task in the loss; in the score too, if that is retrieval."""
    others = [other for other in KINDS if other != kind]
    losses = [f"multitask.loss_weights.{other}=0.0" for other in others]
    scores = [f"multitask.score_weights.{other}=0.0" for other in others if other != "retrieval"]
    return losses + scores


def _answers(
    params: Params, windows: Mapping[WindowName, Window], epochs: int | None
) -> tuple[dict[WindowName, Answers], int]:
    """By window, what a fit answers; and its epochs."""
    data, batch = windows["test"].data, params.evaluate.batch
    until = data.prepared.fit_cut
    fitted = fit(FAMILY, data, params, until=until, epochs=epochs, calibration=None)
    with TemporaryDirectory(prefix="tandem-") as folder:
        written = Path(folder) / FAMILY
        artifact.write(written, fitted, data, params, data.last_instant(until))
        model = artifact.open_artifact(written)
        answers = {
            name: live(model, Questions(data, window.rows, window.k, batch))
            for name, window in windows.items()
        }
    return answers, fitted.epochs


def _window(params: Params, data: PreparedData, name: str) -> Window:
    return Window.of(data, data.window(name), params)


if __name__ == "__main__":
    sys.exit(main())
