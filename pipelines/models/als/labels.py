"""What the heads say: a live factorisation of the labels, mapped to natural units.

A regression is kept within the labels seen. A binary task's probability is a logistic function
of the factorised target (Platt, "Probabilistic outputs for support vector machines", 1999), fitted
on the newest labels of the fit window as factors of the older ones predict them live.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.descriptors import BinaryTask, RegressionTask, RetrievalTask
from pipelines.models.engine import tf
from pipelines.models.examples import Ints, PreparedData
from pipelines.models.factorisation import (
    Factors,
    FoldIn,
    Target,
    fit_factors,
    labelled,
    live_predictions,
    read_labels,
    target_of,
)
from pipelines.models.serving import Query, Tensor
from pipelines.models.statistics import Doubles, known_rows
from pipelines.models.tasks import labels
from pipelines.params import Params

NEWEST_SHARE = 0.1
"""Of the labels, for the probabilities; the factors behind them are fitted on the others."""
MOST_NEWEST = 5_000
NEWTON_STEPS = 25
RIDGE = 1e-3
"""On slope and intercept: keeps them finite where the labels are separable."""


class Units(NamedTuple):
    """From a target to a head."""

    target: int
    """Its place among the distinct targets."""
    centre: float
    """Mean of the items' means."""
    spread: float
    """Standard deviation of the items' means."""
    is_binary: bool
    first: float
    """Slope of the log odds, or the least label."""
    second: float
    """Intercept of the log odds, or the largest label."""


class LabelHeads(tf.Module):
    """All heads' parts of the score and predictions.

    Args:
        targets: The distinct ones.
        factors: Of each target.
        units: Of each head.
        params: Of the factorisation.
    """

    def __init__(
        self, targets: list[Target], factors: list[Factors], units: list[Units], params: Params
    ) -> None:
        super().__init__()
        self.targets, self.units = targets, units
        self.fold_ins = [FoldIn(each, params.als.labels) for each in factors]

    def answer(self, query: Query) -> tuple[list[Tensor], list[Tensor]]:
        """[b, n] for each head: its part of the score, standardised over items, and prediction."""
        raw = [
            fold_in.predict(query, fold_in.shares(query, *read_labels(target, query)))
            for fold_in, target in zip(self.fold_ins, self.targets, strict=True)
        ]
        components = [(raw[unit.target] - unit.centre) / unit.spread for unit in self.units]
        return components, [_natural(unit, raw[unit.target]) for unit in self.units]

    def contributions(self, query: Query, items: Tensor) -> tuple[list[Tensor], list[Tensor]]:
        """For each head: [b, h] each event's part of the score of one item a row; [b] the rest."""
        parts, base = [], []
        for unit in self.units:
            fold_in, target = self.fold_ins[unit.target], self.targets[unit.target]
            shares = fold_in.shares(query, *read_labels(target, query))
            parts.append(fold_in.contributions(query, shares, items) / unit.spread)
            base.append((tf.gather(fold_in.means, items) - unit.centre) / unit.spread)
        return parts, base


def fit_heads(data: PreparedData, params: Params, until: int) -> LabelHeads:
    """Factorises each distinct target before `until`, microseconds."""
    tasks = [task for task in data.prepared.tasks if not isinstance(task, RetrievalTask)]
    targets = list(dict.fromkeys(map(target_of, tasks)))
    factors = [_factors(data, target, params, until) for target in targets]
    newest = [_newest(data, target, params, until) for target in targets]
    units = []
    for task in tasks:
        place = targets.index(target_of(task))
        means = factors[place].mean + factors[place].biases
        rows = known_rows(data, until) if isinstance(task, RegressionTask) else newest[place].rows
        values, is_known = labels(task, data.events[rows], data.values[rows])
        if isinstance(task, RegressionTask):
            seen = values[is_known] if is_known.any() else np.zeros(1)
            first, second = float(seen.min()), float(seen.max())
        else:
            first, second = log_odds(newest[place].raw[is_known], values[is_known] > 0)
        is_binary = isinstance(task, BinaryTask)
        spread = float(means.std()) or 1.0
        units.append(Units(place, float(means.mean()), spread, is_binary, first, second))
    return LabelHeads(targets, factors, units, params)


def log_odds(raw: Doubles, is_positive: npt.NDArray[np.bool_]) -> tuple[float, float]:
    """Slope and intercept of the log odds, by Newton's method; a slope is never below 0.

    Args:
        raw: [m] predictions of the target; none at all gives even odds.
        is_positive: bool [m]
    """
    if not len(raw):
        return 0.0, 0.0
    centre = float(raw.mean())
    design = np.stack([raw - centre, np.ones_like(raw)], axis=1)
    # Platt's targets: a class of n labels is believed to (n + 1) / (n + 2)
    n_positive, n_negative = is_positive.sum(), (~is_positive).sum()
    wanted = np.where(is_positive, (n_positive + 1) / (n_positive + 2), 1 / (n_negative + 2))
    theta = np.zeros(2)
    for _ in range(NEWTON_STEPS):
        p = 1 / (1 + np.exp(-np.clip(design @ theta, -30, 30)))
        gradient = design.T @ (p - wanted) + RIDGE * theta
        curvature = (design * (p * (1 - p))[:, None]).T @ design + RIDGE * np.eye(2)
        theta = theta - np.linalg.solve(curvature, gradient)
    slope = max(float(theta[0]), 0.0)
    return slope, float(theta[1]) - slope * centre


class Newest(NamedTuple):
    """The newest labelled interactions of a fit window."""

    rows: Ints
    raw: Doubles
    """What factors of all older ones predict for them, live."""


def _factors(data: PreparedData, target: Target, params: Params, until: int) -> Factors:
    own = params.als.labels
    known = labelled(data, target, until, own.item_half_life_days)
    return fit_factors(known, len(data.items), own, params.fit.seed)


def _newest(data: PreparedData, target: Target, params: Params, until: int) -> Newest:
    rows = known_rows(data, until)
    events = data.events[rows]
    _, is_known = target.read(lambda kind: events == kind, data.values[rows])
    rows = rows[is_known]
    count = min(int(NEWEST_SHARE * len(rows)), MOST_NEWEST)
    if not count:
        return Newest(rows[:0], np.zeros(0))
    cut = int(np.sort(data.timestamps[rows])[-count])
    rows = rows[data.timestamps[rows] >= cut]
    own = params.als
    fold_in = FoldIn(_factors(data, target, params, cut), own.labels)
    return Newest(rows, live_predictions(fold_in, target, data, rows, own.max_history))


def _natural(unit: Units, raw: Tensor) -> Tensor:
    if unit.is_binary:
        return tf.sigmoid(unit.first * raw + unit.second)
    return tf.clip_by_value(raw, unit.first, unit.second)
