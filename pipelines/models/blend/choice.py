"""The weights of a conditional logit: which of the alternatives is chosen, by their features.

McFadden, "Conditional logit analysis of qualitative choice behavior" (1974). The log likelihood is
concave, so there is one answer and no seed. Of a large catalogue the alternatives may be sampled
evenly: the estimate stays consistent (McFadden, "Modelling the choice of residential location",
1978).
"""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float32]
Doubles = npt.NDArray[np.float64]

MAX_ITERATIONS = 100
START = 0.1
"""Of every weight; 0 would lie on the bound."""


@dataclass(frozen=True)
class Choices:
    """Alternatives of all choosers, one row each, and which of them were chosen.

    Args:
        features: [alternatives, features].
        starts: [choosers] first row of each; ascending from 0, none is empty.
        chosen: Rows that were chosen; a chooser may have several, each a choice of its own.
    """

    features: Floats
    starts: Ints
    chosen: Ints

    @cached_property
    def owners(self) -> Ints:
        """[alternatives] whose each row is."""
        sizes = np.diff(np.append(self.starts, len(self.features)))
        return np.repeat(np.arange(len(self.starts)), sizes)

    @cached_property
    def counts(self) -> Doubles:
        """[choosers] choices of each."""
        owners = self.owners[self.chosen]
        return np.bincount(owners, minlength=len(self.starts)).astype(np.float64)


def fit_weights(choices: Choices, l2: float) -> Doubles:
    """[features] weights, none below 0: more of a score never puts an item lower.

    Args:
        choices: At least one.
        l2: Of the squared weights, beside the mean negative log likelihood of a choice.
    """
    size = choices.features.shape[1]
    fitted = minimize(
        lambda weights: _loss(choices, weights, l2),
        np.full(size, START),
        jac=True,
        method="L-BFGS-B",
        bounds=[(0.0, None)] * size,
        options={"maxiter": MAX_ITERATIONS},
    )
    weights: Doubles = fitted.x
    return weights


def _loss(choices: Choices, weights: Doubles, l2: float) -> tuple[float, Doubles]:
    """Mean negative log likelihood with its penalty, and the gradient."""
    scores = (choices.features @ weights.astype(np.float32)).astype(np.float64)
    highest = np.maximum.reduceat(scores, choices.starts)
    odds = np.exp(scores - highest[choices.owners])
    sums = np.add.reduceat(odds, choices.starts)
    total = float((choices.counts * (np.log(sums) + highest)).sum() - scores[choices.chosen].sum())
    expected = (choices.counts / sums)[choices.owners] * odds
    found = choices.features[choices.chosen].sum(axis=0, dtype=np.float64)
    slope = expected.astype(np.float32) @ choices.features - found
    n = len(choices.chosen)
    return total / n + l2 * float(weights @ weights), slope / n + 2 * l2 * weights
