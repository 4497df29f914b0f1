"""What is known of each item from the fit window alone: decayed counts and means of labels."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.descriptors import RetrievalTask
from pipelines.models.examples import Ints, PreparedData
from pipelines.models.tasks import is_positive, labels

DAY_US = 86_400_000_000
SHRINKAGE = 5.0
"""Labels at the base rate that every item is given on top of its own (a Bayesian mean)."""

Doubles = npt.NDArray[np.float64]


class HeadMeans(NamedTuple):
    """Mean labels of the heads, natural units."""

    means: Doubles
    """[items, heads]; shrunk to the base rate, so finite for every item."""
    base: Doubles
    """[heads]; the mean over all interactions of the window."""


def decayed_counts(
    data: PreparedData, task: RetrievalTask, until: int, half_life_days: float
) -> Doubles:
    """[items]: the task's positives before `until`, each weighing 2^(-age / half-life)."""
    rows = positive_rows(data, task, until)
    ages_days = (until - data.timestamps[rows]) / DAY_US
    weights = np.exp2(-ages_days / half_life_days)
    return np.bincount(data.item_rows[rows], weights, minlength=len(data.items)).astype(np.float64)


def recent_share(
    data: PreparedData, task: RetrievalTask, until: int, half_life_days: float
) -> Doubles:
    """[items]: decayed counts as shares of the largest; 0 where there is none at all."""
    counts = decayed_counts(data, task, until, half_life_days)
    return counts / max(float(counts.max(initial=0.0)), 1e-12)


def task_rows(
    data: PreparedData, means: Doubles, of_retrieval: Callable[[RetrievalTask], Doubles]
) -> Doubles:
    """[tasks, items]: what is said of a retrieval task, and each head's mean labels, standardised.

    Args:
        data: Prepared tables.
        means: [items, heads]
        of_retrieval: [items] for a retrieval task.
    """
    heads = iter(standardised(means).T)
    rows = [
        of_retrieval(task) if isinstance(task, RetrievalTask) else next(heads)
        for task in data.prepared.tasks
    ]
    return np.stack(rows)


def positive_rows(data: PreparedData, task: RetrievalTask, until: int) -> Ints:
    """Rows before `until` that the task calls positive and whose item is in the catalogue."""
    rows = known_rows(data, until)
    return rows[is_positive(task.positive, data.events[rows], data.values[rows])]


def known_rows(data: PreparedData, until: int) -> Ints:
    """Rows before `until` whose item is in the catalogue."""
    rows = data.rows(end=until)
    return rows[data.item_rows[rows] >= 0]


def head_means(data: PreparedData, until: int) -> HeadMeans:
    """The items' mean label of each binary or regression task, shrunk to the base rate."""
    rows, n_items = known_rows(data, until), len(data.items)
    means, base = [], []
    for task in data.prepared.tasks:
        if isinstance(task, RetrievalTask):
            continue
        values, known = labels(task, data.events[rows], data.values[rows])
        items = data.item_rows[rows][known]
        sums = np.bincount(items, values[known], minlength=n_items)
        rate = float(sums.sum() / max(1, len(items)))
        counts = np.bincount(items, minlength=n_items)
        means.append((sums + SHRINKAGE * rate) / (counts + SHRINKAGE))
        base.append(rate)
    return HeadMeans(_columns(means, n_items), np.array(base, dtype=np.float64))


def standardised(columns: Doubles) -> Doubles:
    """Each column with mean 0 and standard deviation 1 over the items; a constant one is 0."""
    spread = columns.std(axis=0)
    centred: Doubles = columns - columns.mean(axis=0)
    divided: Doubles = np.divide(centred, spread, out=np.zeros_like(centred), where=spread > 0)
    return divided


def _columns(columns: list[Doubles], length: int) -> Doubles:
    return np.stack(columns, axis=1) if columns else np.zeros((length, 0))
