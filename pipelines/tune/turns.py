"""Whose turn it is: wall time is shared fairly between families. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass
class Share:
    """What a family has had of the budget."""

    family: str
    quickest: float | None
    """Seconds of its quickest whole trial, of any run; None = there is none yet."""
    spent: float = 0.0
    """Seconds, of this run."""

    def charge(self, seconds: float, is_whole: bool) -> None:
        """Takes a trial's seconds down."""
        self.spent += seconds
        if is_whole:
            self.quickest = min(seconds, self.quickest or seconds)


def next_share(shares: Sequence[Share], left: float) -> Share | None:
    """The family that has had least so far, of equals the first; None = the budget is used.

    A trial that would not end in the seconds left is not begun: its work would be lost.

    Args:
        shares: One per family.
        left: Seconds of the budget.
    """
    if left <= 0:
        return None
    fitting = [s for s in shares if s.quickest is None or s.quickest <= left]
    return min(fitting, key=lambda share: share.spent, default=None)
