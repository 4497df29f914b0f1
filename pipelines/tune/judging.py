"""What a search has found: best against present, the winner's curse, the Pareto front. Pure."""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import numpy.typing as npt

from pipelines.contracts.model import UserGains
from pipelines.contracts.tune import Judgement, Trial
from pipelines.measures.bootstrap import DIGITS, Bootstrap
from pipelines.measures.scores import compare

Doubles = npt.NDArray[np.float64]
Aim = Literal["maximise", "minimise"]
AIMS: Mapping[str, Aim] = {"auc": "maximise", "rmse": "minimise"}
"""Of a head's metrics, by the end of their names, those that are traded for the headline."""


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The trial with the highest value, of equals the first."""
    complete = [trial for trial in trials if trial.value is not None]
    return max(complete, key=lambda trial: trial.value or 0.0, default=None)


def judge(
    gains: Mapping[int, UserGains], best: int, present: int, samples: int, seed: int
) -> Judgement:
    """The best setting against the present one.

    Args:
        gains: Of all complete trials by number, of the same users in the same order.
        best: The trial with the highest value.
        present: The trial with the present setting.
        samples: Bootstrap resamples.
        seed: Of the resamples.
    """
    difference = compare(gains[best], gains[present], samples, seed)
    corrected = round(corrected_difference(gains, present, samples, seed), DIGITS)
    return Judgement(
        difference=difference,
        corrected=corrected,
        improves=difference.low > 0 and corrected > 0,
    )


def corrected_difference(
    gains: Mapping[int, UserGains], present: int, samples: int, seed: int
) -> float:
    """What choosing the best brings on users that it was not chosen on.

    Each resample of users names its own best; that one is compared with the present setting on
    the users that were not drawn: the bootstrap bias correction of a cross-validation
    (Tsamardinos, Greasidou and Borboudakis, 2018), here of one window.
    """
    counts = np.array(gains[present].n_events, dtype=np.float64)
    sums = np.array([one.gains for one in gains.values()], dtype=np.float64)
    users = np.repeat(np.arange(len(counts)), gains[present].n_events)
    draws = Bootstrap(users, samples, seed).draws
    chosen = ((draws @ sums.T) / (draws @ counts)[:, None]).argmax(axis=1)
    rest = (draws == 0).astype(np.float64)
    gaps = sums - sums[list(gains).index(present)]
    won = np.einsum("su,su->s", rest, gaps[chosen])
    asked = rest @ counts
    return float((won[asked > 0] / asked[asked > 0]).mean()) if (asked > 0).any() else 0.0


def objectives(trials: Sequence[Trial], headline: str, heads: Sequence[str]) -> dict[str, Aim]:
    """What is traded: the headline, and of each head AUC or RMSE where trials differ in it."""
    complete = [trial for trial in trials if trial.value is not None]
    names = {f"{head}_{end}": aim for head in heads for end, aim in AIMS.items()}
    moving = {
        name: aim
        for name, aim in names.items()
        if len({trial.metrics.get(name) for trial in complete} - {None}) > 1
    }
    return {headline: "maximise", **moving}


def front(trials: Sequence[Trial], aims: Mapping[str, Aim]) -> list[int]:
    """Numbers of the trials that none dominates: as good in all objectives, better in one.

    Args:
        trials: Of a study; one that lacks an objective is left out.
        aims: By metric.
    """
    known = [trial for trial in trials if all(name in trial.metrics for name in aims)]
    signs = np.array([1.0 if aim == "maximise" else -1.0 for aim in aims.values()])
    points = np.array([[t.metrics[name] for name in aims] for t in known]).reshape(-1, len(aims))
    points = points * signs
    return [t.number for t, point in zip(known, points, strict=True) if not _beaten(point, points)]


def _beaten(point: Doubles, points: Doubles) -> bool:
    return bool(((points >= point).all(axis=1) & (points > point).any(axis=1)).any())
