"""Is it at least as good as what is live, and is there a way back?"""

from collections.abc import Iterator, Sequence

import numpy as np

from pipelines.contracts.model import Check, Difference, PairedGains
from pipelines.gate.case import Case, Doubles, Opponent, Rival
from pipelines.gate.checks.superiority import interval
from pipelines.gate.outcome import decided, not_applicable, undecided

DAY_US = 86_400_000_000
FIRST = "first release: there is no champion"


def checks(case: Case) -> Iterator[Check]:
    """`non_inferior_to_champion`, `champion_as_served` and `rollback_target`."""
    yield non_inferior(case)
    yield as_served(case)
    yield rollback_target(case)


def non_inferior(case: Case) -> Check:
    """Not worse than the champion by more than the margin.

    A refresh whose window is too small by itself is judged together with the refreshes before it.
    """
    name, opponent = "non_inferior_to_champion", case.opponent
    if opponent is None:
        return not_applicable(name, FIRST)
    if case.gains is None:
        return case.judged.not_asked(name)
    if opponent.decides is None:
        return undecided(name, None, None, opponent.fault or "the champion gave no answers")
    if case.pairs is not None and opponent.former and not case.has_evidence:
        return _pooled(case, opponent.version, [case.pairs, *opponent.former])
    return _compared(case, opponent.version, opponent.decides, case.gains)


def as_served(case: Case) -> Check:
    """Reports the served champion on what it has not seen; decides nothing in a recipe run."""
    name, opponent = "champion_as_served", case.opponent
    if opponent is None:
        return not_applicable(name, FIRST)
    if case.kind == "refresh":
        return not_applicable(name, "a refresh is compared with it, see non_inferior_to_champion")
    if case.gains is None:
        return case.judged.not_asked(name)
    if opponent.served is None:
        return not_applicable(name, opponent.fault or "it gave no answers")
    unseen = case.data.timestamps[case.window.rows] > opponent.served.fit_until
    if not unseen.any():
        return not_applicable(name, "it has learnt from the whole test window")
    theirs = case.window.gains(opponent.served.ranks)
    gap = case.difference(case.gains, theirs, np.asarray(unseen))
    return not_applicable(
        name,
        f"reported, decides nothing: {int(unseen.sum())} events that it has not seen; "
        f"{interval(gap)}",
        gap.difference,
    )


def rollback_target(case: Case) -> Check:
    """The champion's artifact can be had, so that one can return to it."""
    opponent: Opponent | None = case.opponent
    if opponent is None:
        return not_applicable("rollback_target", f"{FIRST}, and so nothing to return to")
    if opponent.fault is not None:
        return undecided("rollback_target", opponent.version, None, opponent.fault)
    return decided(
        "rollback_target", True, opponent.version, None, "its artifact is there, digest checked"
    )


def _compared(case: Case, version: str, rival: Rival, gains: Doubles) -> Check:
    name, theirs = "non_inferior_to_champion", case.window.gains(rival.ranks)
    gap = case.difference(gains, theirs)
    allowed = -case.params.margin * float(theirs.mean())
    days = (case.data.prepared.fit_cut - rival.fit_until) / DAY_US
    when = f"{abs(days):.1f} days {'before' if days >= 0 else 'after'} our cut"
    reason = f"against {version}, {rival.role}, learnt until {when}; {interval(gap)}"
    if case.has_seen_window(rival):
        return undecided(name, gap.difference, allowed, f"{reason}; it has seen the window")
    if not case.has_evidence:
        return undecided(name, gap.difference, allowed, f"{reason}; the window is too small")
    return _beyond_margin(gap, allowed, reason)


def _pooled(case: Case, version: str, refreshes: Sequence[PairedGains]) -> Check:
    """All refreshes' users together; each refresh against the champion of its own time."""
    counts = np.array([count for part in refreshes for count in part.n_events])
    ours, theirs = (
        np.array([gain for part in refreshes for gain in getattr(part, side)])
        for side in ("ours", "theirs")
    )
    users = np.repeat(np.arange(len(counts)), counts)
    gains, others = (np.repeat(sums / counts, counts) for sums in (ours, theirs))
    gap = case.window.resamples(users).difference(gains, others)
    allowed = -case.params.margin * float(theirs.sum() / counts.sum())
    reason = (
        f"against {version}, and its forerunners in {len(refreshes) - 1} earlier refreshes of the "
        f"recipe; {counts.sum()} events of {len(counts)} users, each week's counted as others; "
        f"{interval(gap)}"
    )
    if counts.sum() < case.params.min_events or len(counts) < case.params.min_users:
        name, why = "non_inferior_to_champion", "together they are too small"
        return undecided(name, gap.difference, allowed, f"{reason}; {why}")
    return _beyond_margin(gap, allowed, reason)


def _beyond_margin(gap: Difference, allowed: float, reason: str) -> Check:
    name = "non_inferior_to_champion"
    if gap.low > allowed or gap.high < allowed:
        return decided(name, gap.low > allowed, gap.difference, allowed, reason)
    return undecided(name, gap.difference, allowed, f"{reason}; the interval includes the margin")
