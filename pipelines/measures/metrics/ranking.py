"""Metrics of one relevant item in a slate, by the rank at which it stands.

`ranks` are 1 for the top place and 0 for an item that is not in the slate. With a single relevant
item per query recall equals hit rate, and the ideal DCG is 1 (Järvelin and Kekäläinen, 2002).
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


def hit(ranks: Ints, k: int) -> Doubles:
    """1 where 1 <= rank <= k, else 0. Range 0 to 1; the mean is HR@k and Recall@k."""
    return _is_inside(ranks, k).astype(np.float64)


def ndcg(ranks: Ints, k: int) -> Doubles:
    """1 / log2(rank + 1) where 1 <= rank <= k, else 0. Range 0 to 1."""
    return np.where(_is_inside(ranks, k), 1 / np.log2(np.maximum(ranks, 1) + 1), 0.0)


def reciprocal(ranks: Ints, k: int) -> Doubles:
    """1 / rank where 1 <= rank <= k, else 0. Range 0 to 1; the mean is MRR@k."""
    return np.where(_is_inside(ranks, k), 1 / np.maximum(ranks, 1), 0.0)


def best_possible_ndcg(page_sizes: Ints, k: int) -> float:
    """What an oracle that knows every page would reach in mean NDCG@k.

    A page of n events is answered by one slate, so its items share the places 1 to min(n, k): the
    sum of their gains is the DCG of a perfect slate. Nothing honest or dishonest gets above it.

    Args:
        page_sizes: Events per page.
        k: Length of a slate.
    """
    gains = np.concatenate([[0.0], np.cumsum(1 / np.log2(np.arange(1, k + 1) + 1))])
    return float(gains[np.minimum(page_sizes, k)].sum() / page_sizes.sum())


def _is_inside(ranks: Ints, k: int) -> npt.NDArray[np.bool_]:
    return (ranks >= 1) & (ranks <= k)
