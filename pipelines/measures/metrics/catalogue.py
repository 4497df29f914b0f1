"""What a set of slates does to the catalogue: how much of it is shown, how evenly, how new.

`exposure` counts in how many slates each item stands, [items].
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
