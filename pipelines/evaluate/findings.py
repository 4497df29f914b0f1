"""What only the report shows: calibration by bins, and for whom another family would be better."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from pipelines.contracts.model import TrainReport
from pipelines.descriptors import BinaryTask
from pipelines.evaluate.measuring import Asked
from pipelines.evaluate.naming import best_baseline, value
from pipelines.measures.metrics.prediction import Bin, reliability
from pipelines.measures.scores import Bools, Doubles, Window, labelled, user_slices

EVERYBODY = "everybody"
CLOSE = 1e-9


class Outcome(NamedTuple):
    """How two models do by user; a user's figure is the mean over the user's events."""

    n_users: int
    better: float
    """Share of users for whom the winner is better."""
    worse: float
    """Share of users for whom the rival is better."""


@dataclass(frozen=True)
class Findings:
    """Figures beyond metrics.json."""

    rival: str | None
    """The best baseline on validation, or the best other family where the winner is it."""
    outcomes: Mapping[str, Outcome]
    """By slice, winner against rival."""
    calibration: Mapping[str, Mapping[str, Sequence[Bin]]]
    """By binary head and family: the winner's and the rival's."""


def findings(
    asked: Mapping[str, Asked], test: Window, winner: str, reports: Sequence[TrainReport]
) -> Findings:
    """Looks at the answers of the winner and of its rival.

    Args:
        asked: Answers by family.
        test: The test window.
        winner: The winner's family.
        reports: What `train` reported: the rival is chosen on validation, too.
    """
    rival = _rival(winner, reports, test.headline)
    shown = [winner] if rival is None else [winner, rival]
    return Findings(
        rival=rival,
        outcomes={} if rival is None else _outcomes(asked[winner], asked[rival], test),
        calibration=_calibration({family: asked[family] for family in shown}, test),
    )


def _rival(winner: str, reports: Sequence[TrainReport], metric: str) -> str | None:
    others = [report for report in reports if report.family != winner and report.validation]
    if not others:
        return None
    best = best_baseline(others, metric)
    is_baseline = best_baseline([r for r in reports if r.family == winner], metric) is not None
    if best is None or is_baseline:
        best = max(others, key=lambda report: value(report, metric))
    return best.family


def _outcomes(ours: Asked, theirs: Asked, test: Window) -> dict[str, Outcome]:
    gaps = test.gains(ours.live.ranks) - test.gains(theirs.live.ranks)
    everybody = {EVERYBODY: np.ones(len(gaps), dtype=bool)}
    named = everybody | user_slices(test)
    return {name: _outcome(gaps, inside, test) for name, inside in named.items()}


def _outcome(gaps: Doubles, inside: Bools, test: Window) -> Outcome:
    users, codes = np.unique(test.users[inside], return_inverse=True)
    means = np.bincount(codes, gaps[inside]) / np.bincount(codes)
    return Outcome(len(users), float((means > CLOSE).mean()), float((means < -CLOSE).mean()))


def _calibration(asked: Mapping[str, Asked], test: Window) -> dict[str, dict[str, list[Bin]]]:
    found: dict[str, dict[str, list[Bin]]] = {}
    for family, answers in asked.items():
        for head in labelled(answers.live, test):
            if isinstance(head.task, BinaryTask):
                bins = reliability(head.labels, head.predictions)
                found.setdefault(head.task.name, {})[family] = bins
    return found
