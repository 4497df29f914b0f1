"""Metrics of predictions in natural units: probabilities of binary tasks, values of regressions.

Every metric takes weights per interaction, which is how a bootstrap resamples users.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

Doubles = npt.NDArray[np.float64]

SMALLEST = 1e-7
"""Probabilities are clipped this far from 0 and 1 in the log loss."""
BINS = 10


def auc(labels: Doubles, predictions: Doubles, weights: Doubles) -> float:
    """Probability that a positive stands above a negative; ties count half. Range 0 to 1.

    The weighted Mann-Whitney statistic U / (W+ W-); NaN when a class has no weight.
    """
    return auc_of(labels, predictions)(weights)


def auc_of(labels: Doubles, predictions: Doubles) -> Callable[[Doubles], float]:
    """`auc` as a function of the weights alone: the predictions are put in order once."""
    _, group = np.unique(predictions, return_inverse=True)
    is_positive, n_groups = labels == 1, int(group.max(initial=-1)) + 1
    of_positives, of_negatives = group[is_positive], group[~is_positive]

    def of(weights: Doubles) -> float:
        positive = np.bincount(of_positives, weights[is_positive], minlength=n_groups)
        negative = np.bincount(of_negatives, weights[~is_positive], minlength=n_groups)
        below = np.cumsum(negative) - negative
        pairs = positive.sum() * negative.sum()
        if pairs == 0:
            return float("nan")
        return float((positive * (below + negative / 2)).sum() / pairs)

    return of


def log_loss(labels: Doubles, predictions: Doubles, weights: Doubles) -> float:
    """-mean(y log p + (1 - y) log(1 - p)), natural logarithm. 0 and up, less is better."""
    p = np.clip(predictions, SMALLEST, 1 - SMALLEST)
    losses = -(labels * np.log(p) + (1 - labels) * np.log1p(-p))
    return float((weights * losses).sum() / weights.sum())


def calibration_error(labels: Doubles, predictions: Doubles, weights: Doubles) -> float:
    """Expected calibration error over ten bins of equal width. Range 0 to 1, less is better.

    sum over bins of share(bin) |mean label - mean prediction| (Naeini et al., 2015).
    """
    gaps = np.bincount(_places(predictions), weights * (labels - predictions), minlength=BINS)
    return float(np.abs(gaps).sum() / weights.sum())


def rmse(values: Doubles, predictions: Doubles, weights: Doubles) -> float:
    """Root of the mean squared error, in the value's unit. 0 and up, less is better."""
    return float(np.sqrt((weights * (values - predictions) ** 2).sum() / weights.sum()))


class Bin(NamedTuple):
    """Predictions that lie close together, and what became of them."""

    n: int
    predicted: float
    """Mean prediction; NaN without any."""
    observed: float
    """Share of positives; NaN without any."""


def reliability(labels: Doubles, predictions: Doubles) -> list[Bin]:
    """What came of predicted probabilities, in the bins of `calibration_error`, from 0 to 1.

    A calibrated head lies on the diagonal (DeGroot and Fienberg, 1983).
    """
    place = _places(predictions)
    counts = np.bincount(place, minlength=BINS)
    sums = (np.bincount(place, values, minlength=BINS) for values in (predictions, labels))
    means = [np.divide(s, counts, out=np.full(BINS, np.nan), where=counts > 0) for s in sums]
    return [Bin(int(n), float(p), float(o)) for n, p, o in zip(counts, *means, strict=True)]


def _places(predictions: Doubles) -> npt.NDArray[np.int64]:
    """Each prediction's bin."""
    return np.clip((predictions * BINS).astype(np.int64), 0, BINS - 1)
