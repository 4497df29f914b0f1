"""Which items stand for a large catalogue in one step's softmax, and how likely each was to."""

from typing import NamedTuple

import numpy as np

from pipelines.models.examples import Ints
from pipelines.models.statistics import Doubles

POWER = 0.75
"""Of popularity: between a uniform sample and one as skewed as the choices."""


class Drawn(NamedTuple):
    """Catalogue rows, ascending, and the chance that each had to be drawn."""

    rows: Ints
    chances: Doubles


NOTHING = Drawn(np.zeros(0, dtype=np.int64), np.zeros(0))


class Sampler:
    """Draws items without replacement, the popular ones more often.

    Args:
        counts: [n] choices; an item of none is never drawn.
        size: Items to draw; all of them where there are no more.
    """

    def __init__(self, counts: Doubles, size: int) -> None:
        self.chances = chances(np.where(counts > 0, np.maximum(counts, 1e-9) ** POWER, 0.0), size)

    def draw(self, random: np.random.Generator) -> Drawn:
        """One sample, by systematic sampling in a random order (Madow, 1949).

        Its size is fixed, and each item is in it with exactly its chance.
        """
        is_certain = self.chances >= 1.0
        order = random.permutation(np.flatnonzero((self.chances > 0) & ~is_certain))
        edges = random.random() + np.concatenate([[0.0], np.cumsum(self.chances[order])])
        drawn = order[np.floor(edges[1:]) > np.floor(edges[:-1])]
        rows = np.sort(np.concatenate([np.flatnonzero(is_certain), drawn]))
        return Drawn(rows, self.chances[rows])


def chances(weights: Doubles, size: int) -> Doubles:
    """[n]: chances proportional to the weights, at most 1, that add up to `size`.

    What would exceed 1 is drawn for certain, and the rest shares what is left.
    """
    found = np.zeros_like(weights)
    free = weights > 0
    if free.sum() <= size:
        return free.astype(np.float64)
    while True:
        left = size - (~free & (weights > 0)).sum()
        found[free] = weights[free] * left / weights[free].sum()
        over = free & (found >= 1.0)
        if not over.any():
            return np.where((weights > 0) & ~free, 1.0, found)
        free &= ~over
