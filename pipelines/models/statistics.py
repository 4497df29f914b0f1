"""What is known of each item from the fit window alone: decayed counts and means of labels."""

from collections.abc import Callable
from typing import Any, NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
from scipy import sparse

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


class PriorParams(Protocol):
    """How much recent popularity adds to a score."""

    @property
    def prior_half_life_days(self) -> float:
        """After that time an event counts half."""

    @property
    def prior_weight(self) -> float:
        """Of recent popularity, largest = 1."""


def recent_priors(data: PreparedData, means: Doubles, until: int, params: PriorParams) -> Doubles:
    """[tasks, items]: what a score is without a history: recent popularity, or mean labels.

    Args:
        data: Prepared tables.
        means: [items, heads]
        until: The fit window ends before this instant, microseconds.
        params: Weight and half-life.
    """
    half_life, weight = params.prior_half_life_days, params.prior_weight
    return task_rows(data, means, lambda task: weight * recent_share(data, task, until, half_life))


def who_chose(users: Ints, items: Ints, n_items: int) -> sparse.csr_array:
    """[users, items]: 1 where a user chose an item, once, however often.

    Args:
        users: [m] any numbers; each that occurs becomes a row.
        items: [m] rows of the catalogue.
        n_items: Size of the catalogue.
    """
    distinct, compact = np.unique(users, return_inverse=True)
    shape = (len(distinct), n_items)
    chosen = sparse.csr_array((np.ones(len(items)), (compact, items)), shape)
    chosen.sum_duplicates()
    chosen.data[:] = 1.0
    return chosen


def most_chosen(counts: npt.NDArray[Any], n_items: int) -> Ints:
    """Rows of at most `n_items` items, ascending: the most chosen, of equals the first.

    Args:
        counts: [items]; who has 0 is not among them.
        n_items: How many.
    """
    best = np.argsort(-counts, kind="stable")[:n_items]
    return np.sort(best[counts[best] > 0]).astype(np.int64)


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
