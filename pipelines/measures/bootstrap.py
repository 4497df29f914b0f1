"""95 % intervals by resampling users (Efron, 1979; percentile intervals).

Interactions of one user are not independent, so whole users are drawn. A paired difference draws
the same users for both sides, which is what makes small differences visible.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
import numpy.typing as npt

from pipelines.contracts.model import Difference, Estimate

Ints = npt.NDArray[np.int64]
Doubles = npt.NDArray[np.float64]
Statistic = Callable[[Doubles], float]
"""A metric as a function of weights per interaction."""

DIGITS = 6
"""Figures are rounded: the last bits of a float sum depend on the machine."""
PERCENTILES = (2.5, 97.5)
POWER_80 = 1.959964 + 0.841621
"""Standard errors between 0 and an effect that a two-sided 5 % test finds in 80 % of trials."""


@dataclass(frozen=True)
class Bootstrap:
    """Resamples of the users of some interactions.

    Args:
        users: [interactions] any integer code of the user.
        samples: How many resamples.
        seed: Equal seeds and users give equal resamples.
    """

    users: Ints
    samples: int
    seed: int
    _codes: Ints = field(init=False, repr=False)
    n_users: int = field(init=False)

    def __post_init__(self) -> None:
        distinct, codes = np.unique(self.users, return_inverse=True)
        object.__setattr__(self, "_codes", codes)
        object.__setattr__(self, "n_users", len(distinct))

    @cached_property
    def draws(self) -> Doubles:
        """[samples, users]: how often each user was drawn."""
        generator = np.random.default_rng(self.seed)
        even = np.full(self.n_users, 1 / max(1, self.n_users))
        return generator.multinomial(self.n_users, even, size=self.samples).astype(np.float64)

    def mean(self, values: Doubles) -> Estimate:
        """The mean over interactions, users clustered."""
        return self._estimate(float(values.mean()), self._means(values))

    def statistic(self, of: Statistic) -> Estimate:
        """Any weighted metric; resamples on which it is NaN are left out."""
        resampled = np.array([of(draw[self._codes]) for draw in self.draws])
        return self._estimate(of(np.ones(len(self.users))), resampled[~np.isnan(resampled)])

    def difference(self, values: Doubles, others: Doubles) -> Difference:
        """The paired difference of means, `values` minus `others`."""
        gaps = values - others
        low, high = np.percentile(self._means(gaps), PERCENTILES)
        return Difference(
            difference=round(float(gaps.mean()), DIGITS),
            low=round(float(low), DIGITS),
            high=round(float(high), DIGITS),
            n_users=self.n_users,
        )

    def smallest_detectable(self, values: Doubles, others: Doubles) -> float:
        """The paired difference that these users would show in 80 % of trials."""
        return round(POWER_80 * self.standard_error(values - others), DIGITS)

    def standard_error(self, values: Doubles) -> float:
        """Of the mean over interactions, users clustered."""
        return float(self._means(values).std(ddof=1))

    def fixed(self, value: float) -> Estimate:
        """A figure that resampled users give no fair interval to."""
        return Estimate(
            value=round(value, DIGITS),
            low=None,
            high=None,
            n_events=len(self.users),
            n_users=self.n_users,
        )

    def _means(self, values: Doubles) -> Doubles:
        sums = np.bincount(self._codes, values, minlength=self.n_users)
        counts = np.bincount(self._codes, minlength=self.n_users)
        means: Doubles = (self.draws @ sums) / (self.draws @ counts)
        return means

    def _estimate(self, value: float, resampled: Doubles) -> Estimate:
        low, high = np.percentile(resampled, PERCENTILES) if len(resampled) else (None, None)
        return self.fixed(value).model_copy(
            update={
                "low": None if low is None else round(float(low), DIGITS),
                "high": None if high is None else round(float(high), DIGITS),
            }
        )
