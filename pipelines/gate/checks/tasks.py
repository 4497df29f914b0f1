"""Floors for each task: a slate may be fine while a prediction is ruined."""

from collections.abc import Iterator

import numpy as np

from pipelines.contracts.model import Check
from pipelines.descriptors import BinaryTask, RegressionTask, RetrievalTask
from pipelines.gate.case import Bools, Case, Doubles, judged_on_evidence
from pipelines.gate.outcome import decided, not_applicable, undecided
from pipelines.measures.metrics import prediction
from pipelines.measures.protocols import Answers
from pipelines.models.examples import Floats
from pipelines.models.tasks import Labels, labels


def checks(case: Case) -> Iterator[Check]:
    """`task:NAME`, `calibration:NAME` for binary tasks, and `task_regression:NAME`."""
    tasks = [t for t in case.data.prepared.tasks if not isinstance(t, RetrievalTask)]
    for column, task in enumerate(tasks):
        answers = case.judged.answers
        if answers is None:
            yield case.judged.not_asked(f"task:{task.name}")
            continue
        if isinstance(task, BinaryTask):
            yield from binary(case, task, answers, column)
        else:
            yield regression(case, task, answers, column)
        yield not_worse(case, task, answers, column)


def binary(case: Case, task: BinaryTask, answers: Answers, column: int) -> Iterator[Check]:
    """The interval of the AUC lies above the floor, and probabilities mean what they say."""
    name, floor = f"task:{task.name}", case.params.min_auc
    wanted, known = _known(case, task, answers, column)
    truth, predicted = wanted[known].astype(float), answers.predictions[known, column].astype(float)
    if len(np.unique(truth)) < 2:
        yield undecided(name, None, floor, "the window has labels of one class only")
        return
    resamples = case.window.resamples(case.window.users[known])
    auc = resamples.statistic(prediction.auc_of(truth, predicted))
    reason = f"AUC, 95 % interval {auc.low} to {auc.high}, {auc.n_events} events"
    if auc.low is not None and auc.low < floor <= (auc.high or 0):
        yield undecided(name, auc.value, floor, reason)
    else:
        found = decided(name, auc.value >= floor, auc.value, floor, reason)
        yield judged_on_evidence(case, found)
    yield _calibration(case, task, truth, predicted)


def _calibration(case: Case, task: BinaryTask, truth: Doubles, predicted: Doubles) -> Check:
    name, limit = f"calibration:{task.name}", case.params.max_calibration_error
    error = prediction.calibration_error(truth, predicted, np.ones(len(truth)))
    found = decided(name, error <= limit, error, limit, "expected calibration error")
    return judged_on_evidence(case, found)


def regression(case: Case, task: RegressionTask, answers: Answers, column: int) -> Check:
    """The error is below that of always saying the mean of the fit window."""
    name, (wanted, known) = f"task:{task.name}", _known(case, task, answers, column)
    fit_rows = case.data.rows(end=case.data.prepared.fit_cut)
    former, has_label = labels(task, case.data.events[fit_rows], case.data.values[fit_rows])
    if not known.any() or not has_label.any():
        return undecided(name, None, None, "no interaction of the window has a label")
    truth, predicted = wanted[known].astype(float), answers.predictions[known, column].astype(float)
    mean = float(former[has_label].mean())
    resamples = case.window.resamples(case.window.users[known])
    gap = resamples.difference((truth - predicted) ** 2, (truth - mean) ** 2)
    reason = (
        f"mean squared error on {len(truth)} events, minus that of always saying the mean, "
        f"{mean:.4f}; 95 % interval {gap.low:+.4f} to {gap.high:+.4f}"
    )
    if gap.low < 0 <= gap.high:
        return undecided(name, gap.difference, 0.0, reason)
    found = decided(name, gap.high < 0, gap.difference, 0.0, reason)
    return judged_on_evidence(case, found)


def not_worse(
    case: Case, task: BinaryTask | RegressionTask, answers: Answers, column: int
) -> Check:
    """The task's loss exceeds the champion's by no more than a share of it."""
    name, champion = f"task_regression:{task.name}", case.opponent
    if champion is None:
        return not_applicable(name, "first release: there is no champion")
    rival = champion.decides
    if rival is None or task.name not in rival.heads:
        return not_applicable(name, champion.fault or "the champion has no such task")
    if case.has_seen_window(rival):
        return not_applicable(name, "the champion has seen the window")
    wanted, known = _known(case, task, answers, column)
    theirs = rival.answers.predictions[:, list(rival.heads).index(task.name)]
    both = known & np.isfinite(theirs)
    if not both.any():
        return not_applicable(name, "no label that both predict")
    return _beside(
        case, task, (wanted[both], answers.predictions[both, column], theirs[both]), both
    )


def _beside(
    case: Case,
    task: BinaryTask | RegressionTask,
    sides: tuple[Floats, Floats, Floats],
    both: Bools,
) -> Check:
    name = f"task_regression:{task.name}"
    truth, predicted, theirs = (side.astype(float) for side in sides)
    loss = log_losses if isinstance(task, BinaryTask) else squared_errors
    ours, former = loss(truth, predicted), loss(truth, theirs)
    resamples = case.window.resamples(case.window.users[both])
    gap = resamples.difference(ours, former)
    allowed = case.params.max_task_loss * float(former.mean())
    reason = (
        f"mean {'log loss' if isinstance(task, BinaryTask) else 'squared error'} on {len(truth)} "
        f"events, minus the champion's {former.mean():.4f}; 95 % interval {gap.low:+.4f} to "
        f"{gap.high:+.4f}"
    )
    if gap.low <= allowed < gap.high:
        return undecided(name, gap.difference, allowed, f"{reason}; it includes the margin")
    found = decided(name, gap.high <= allowed, gap.difference, allowed, reason)
    return judged_on_evidence(case, found)


def log_losses(truth: Doubles, predicted: Doubles) -> Doubles:
    """[events]: -log of the probability that was given to what happened, natural logarithm."""
    p = np.clip(predicted, prediction.SMALLEST, 1 - prediction.SMALLEST)
    losses: Doubles = -(truth * np.log(p) + (1 - truth) * np.log1p(-p))
    return losses


def squared_errors(truth: Doubles, predicted: Doubles) -> Doubles:
    """[events]: of the value."""
    errors: Doubles = (truth - predicted) ** 2
    return errors


def _known(case: Case, task: BinaryTask | RegressionTask, answers: Answers, column: int) -> Labels:
    data = case.data
    wanted, known = labels(task, data.events[answers.rows], data.values[answers.rows])
    return Labels(wanted, known & np.isfinite(answers.predictions[:, column]))
