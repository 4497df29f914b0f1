"""What a set of slates does to the catalogue: how much of it is shown, how evenly, how new.

`exposure` counts in how many slates each item stands, [items]. `slates` [slates, k] are item rows,
below 0 = an empty place.
"""

import numpy as np
import numpy.typing as npt

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]


def exposure(slates: Ints, n_items: int) -> Ints:
    """How often each item stands in a slate.

    Args:
        slates: Item rows in any shape; below 0 = an empty place.
        n_items: Size of the catalogue.
    """
    return np.bincount(slates[slates >= 0], minlength=n_items).astype(np.int64)


def coverage(exposures: Ints) -> float:
    """Share of the catalogue that stands in at least one slate. Range 0 to 1."""
    return float((exposures > 0).mean())


def gini(exposures: Ints) -> float:
    """Gini coefficient of exposure: 0 = all items equally often, near 1 = always the same few.

    sum_i (2 i - n - 1) x_i / (n sum x), x in ascending order, i from 1. NaN without slates.
    """
    ordered, n = np.sort(exposures), len(exposures)
    if ordered.sum() == 0:
        return float("nan")
    places = 2 * np.arange(1, n + 1) - n - 1
    return float((places * ordered).sum() / (n * ordered.sum()))


def novelty(popularity: Ints) -> Doubles:
    """How unexpected each item is: -log2 of its smoothed share of the interactions, bits.

    (x + 1) / (sum x + n) is the share, so that an item nobody chose is finite (Vargas and
    Castells, 2011, with Laplace smoothing). A slate's novelty is the mean over its items.

    Args:
        popularity: [items] interactions of the fit window.
    """
    shares = (popularity + 1) / (popularity.sum() + len(popularity))
    bits: Doubles = -np.log2(shares)
    return bits


def popularity_lift(popularity: Ints) -> Doubles:
    """How popular each item is, in multiples of what people choose. 0 and up.

    x_i / (sum x^2 / sum x): the divisor is the mean popularity over the interactions themselves, so
    that a slate of lift 1 is as popular as what was chosen, above 1 more so.

    Args:
        popularity: [items] interactions of the fit window, one at least.
    """
    lifts: Doubles = popularity * (popularity.sum() / np.square(popularity).sum())
    return lifts


def diversity(features: Doubles, slates: Ints) -> Doubles:
    """[slates]: mean of 1 - cosine over the pairs of a slate's items (Ziegler et al., 2005).

    Range 0 to 1 for features that are not negative. The pairs' cosines come from the sum of the
    unit vectors, |sum v|^2 = m + 2 sum of cosines. Items of which nothing is known take no part;
    NaN where fewer than two are left.

    Args:
        features: [items, features], rows of length 1, or 0 where nothing is known.
        slates: Item rows.
    """
    is_known = np.asarray(features.any(axis=1))
    summed, known = np.zeros((len(slates), features.shape[1])), np.zeros(len(slates))
    for items in slates.T:
        part = (items >= 0) & is_known[items]
        summed += np.where(part[:, None], features[items], 0.0)
        known += part
    pairs = known * (known - 1)
    cosines = np.square(summed).sum(axis=1) - known
    means: Doubles = np.divide(cosines, pairs, out=np.full(len(pairs), np.nan), where=pairs > 0)
    return 1 - means


def mean_of(values: Doubles, slates: Ints) -> Doubles:
    """[slates]: the mean over a slate's items of what is said of each; 0 for an empty slate.

    Args:
        values: [items].
        slates: Item rows.
    """
    filled = slates >= 0
    means: Doubles = np.where(filled, values[slates], 0).sum(axis=1) / filled.sum(axis=1).clip(1)
    return means
