"""From a request to a mask, and from scores to a slate. Pure NumPy, shared with evaluation.

Serving and offline measures both come through here, so that a model is judged on the very slates
that users would see: exclusions are applied before the model's top k, never after it.
"""

from collections.abc import Iterable

import numpy as np
import numpy.typing as npt

Bools = npt.NDArray[np.bool_]
Floats = npt.NDArray[np.float32]


def allow_mask(n_items: int, excluded: Iterable[int]) -> Bools:
    """Which items may be recommended: all but the excluded.

    Args:
        n_items: Size of the model's catalogue.
        excluded: Rows of items in the manifest's order: seen and excluded by the request. Rows
            below 0 (items that the model does not know) are ignored; repeats are allowed.

    Returns:
        [n_items] bool, in the manifest's order.
    """
    rows = np.fromiter(excluded, dtype=np.int64)
    allow = np.ones(n_items, dtype=bool)
    allow[rows[rows >= 0]] = False
    return allow


def cut(scores: Floats, k: int) -> Bools:
    """Which of the first k places hold an item.

    A model that was allowed fewer than k items fills the end with a score of -inf: such places
    are no part of the slate.

    Args:
        scores: [..., places] float32, best first.
        k: Length of the slate that was asked for; at most the number of places counts.

    Returns:
        [..., min(k, places)] bool; True first, then False.
    """
    filled: Bools = np.isfinite(scores[..., :k])
    return filled
