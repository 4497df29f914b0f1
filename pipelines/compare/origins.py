"""Rolling origins: several global cuts, each with the window that follows it; pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from pipelines.contracts.model import Difference
from pipelines.measures.bootstrap import Bootstrap
from pipelines.models.examples import Ints, PreparedData

Doubles = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Origin:
    """A cut, and the interactions after it that are predicted."""

    cut: int
    """Models learn from what lies before, microseconds."""
    rows: Ints
    """Of the window from this cut to the next one."""


@dataclass(frozen=True)
class Scored:
    """What a family gained at one origin."""

    users: Ints
    """[interactions] one code per user."""
    gains: Doubles
    """[interactions] of the headline metric."""


def origins(data: PreparedData, count: int, first_share: float) -> list[Origin]:
    """Cuts at equal shares of events, from the first share to the end; the last window ends there.

    Equal instants stay together, after their cut, so that windows hold whole pages.

    Args:
        data: Prepared tables.
        count: How many.
        first_share: Share of events before the first cut.
    """
    instants = np.sort(data.timestamps)
    shares = np.linspace(first_share, 1.0, count + 1)
    cuts = [int(instants[int(share * len(instants))]) for share in shares[:-1]]
    ends: Sequence[int | None] = [*cuts[1:], None]
    windows = zip(cuts, ends, strict=True)
    found = [Origin(cut, data.rows(start=cut, end=end)) for cut, end in windows]
    return [origin for origin in found if len(origin.rows)]


def pooled(ours: Sequence[Scored], theirs: Sequence[Scored], samples: int, seed: int) -> Difference:
    """The paired difference over all origins together; a user of several windows is one user.

    Args:
        ours: By origin.
        theirs: By origin, of the same interactions.
        samples: Bootstrap resamples.
        seed: Of the resamples.
    """
    users = np.concatenate([scored.users for scored in ours])
    gains, others = (np.concatenate([s.gains for s in side]) for side in (ours, theirs))
    return Bootstrap(users, samples, seed).difference(gains, others)


def differences(
    scored: Mapping[str, Sequence[Scored]], samples: int, seed: int
) -> dict[tuple[str, str], Difference]:
    """Of all pairs of families."""
    names = list(scored)
    return {
        (a, b): pooled(scored[a], scored[b], samples, seed)
        for place, a in enumerate(names)
        for b in names[place + 1 :]
    }
