"""Metrics of a slate that several items are looked for in, one figure per slate.

`hits` [slates, k] says whether the item at each place was looked for, `relevant` [slates] how many
were, of which a slate may lack some or all. Items that nobody could find count among them.
"""

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


def hit(hits: Bools, relevant: Ints) -> Doubles:  # noqa: ARG001  one call for all metrics
    """1 where the slate holds at least one of them, else 0. Range 0 to 1; the mean is HR@k."""
    return np.asarray(hits.any(axis=1), dtype=np.float64)


def precision(hits: Bools, relevant: Ints) -> Doubles:  # noqa: ARG001  one call for all metrics
    """Found / k: an empty place is a miss. Range 0 to min(n, k) / k for n relevant items."""
    shares: Doubles = hits.sum(axis=1) / hits.shape[1]
    return shares


def recall(hits: Bools, relevant: Ints) -> Doubles:
    """Found / relevant. Range 0 to min(n, k) / n."""
    found: Doubles = hits.sum(axis=1) / relevant
    return found


def ndcg(hits: Bools, relevant: Ints) -> Doubles:
    """DCG / ideal DCG, with binary gains (Järvelin and Kekäläinen, 2002). Range 0 to 1.

    DCG = sum over places i of hit_i / log2(i + 1); the ideal slate begins with min(n, k) hits.
    """
    discounts = 1 / np.log2(np.arange(2, hits.shape[1] + 2))
    ideal = np.cumsum(discounts)[np.minimum(relevant, hits.shape[1]) - 1]
    gains: Doubles = (hits @ discounts) / ideal
    return gains


def average_precision(hits: Bools, relevant: Ints) -> Doubles:
    """Sum over hits at place i of precision@i, / relevant; the mean is MAP@k. Range 0 to 1.

    All relevant items are divided by, as `trec_eval` does, and not min(n, k).
    """
    places = np.arange(1, hits.shape[1] + 1)
    at_hits = np.where(hits, np.cumsum(hits, axis=1) / places, 0.0)
    summed: Doubles = at_hits.sum(axis=1) / relevant
    return summed


def reciprocal(hits: Bools, relevant: Ints) -> Doubles:  # noqa: ARG001  one call for all metrics
    """1 / place of the first hit, 0 without one; the mean is MRR@k. Range 0 to 1."""
    return np.where(hits.any(axis=1), 1 / (hits.argmax(axis=1) + 1), 0.0)
