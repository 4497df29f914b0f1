"""Is it better than the baselines, by an interval and not by a point?"""

from collections.abc import Iterator

import numpy as np

from pipelines.contracts.model import BASELINES, POPULARITY, Check, Difference
from pipelines.gate.case import Case, Doubles, judged_on_evidence
from pipelines.gate.outcome import decided, not_applicable, undecided


def checks(case: Case) -> Iterator[Check]:
    """`evidence`, `beats_popularity`, `beats_best_baseline`."""
    yield evidence(case)
    yield beats_popularity(case)
    yield beats_best_baseline(case)


def evidence(case: Case) -> Check:
    """The test window has enough events and users."""
    value = f"{len(case.window.rows)} events, {case.window.bootstrap.n_users} users"
    wanted = f"{case.params.min_events} events, {case.params.min_users} users"
    if case.has_evidence:
        return decided("evidence", True, value, wanted, "the test window can decide")
    return undecided("evidence", value, wanted, "the test window is too small to decide")


def beats_popularity(case: Case) -> Check:
    """Better than popularity, or popularity itself."""
    name, other = "beats_popularity", case.ranks.get(POPULARITY)
    if case.gains is None:
        return case.judged.not_asked(name)
    if other is None:
        return undecided(name, None, 0.0, "popularity was not trained: list it under `families`")
    gains = case.window.gains(other)
    if case.family == POPULARITY and np.isclose(gains.mean(), case.gains.mean()):
        return decided(name, True, 0.0, 0.0, "it is popularity: nothing better was found")
    return _superior(case, name, gains, POPULARITY)


def beats_best_baseline(case: Case) -> Check:
    """Better than the best baseline; a baseline must only not be worse than the others."""
    name, best = "beats_best_baseline", case.best_baseline
    if case.gains is None:
        return case.judged.not_asked(name)
    if best is None:
        return not_applicable(name, "there is no other baseline")
    if case.family not in BASELINES:
        return _superior(case, name, case.others[best], best)
    gap = case.difference(case.gains, case.others[best])
    reason = f"a baseline must only not be worse than {best}; {interval(gap)}"
    found = decided(name, gap.high >= 0, gap.difference, 0.0, reason)
    return judged_on_evidence(case, found)


def interval(gap: Difference) -> str:
    """The difference in words."""
    return f"difference {gap.difference:+.4f}, 95 % interval {gap.low:+.4f} to {gap.high:+.4f}"


def in_windows(case: Case, gains: Doubles, others: Doubles) -> str:
    """The difference in each of the consecutive windows that the figure pools, in words."""
    order = np.argsort(case.data.timestamps[case.window.rows], kind="stable")
    parts = np.array_split((gains - others)[order], case.params.windows)
    told = ", ".join(f"{part.mean():+.4f}" for part in parts if len(part))
    return f"pooled over {case.params.windows} consecutive windows with {told}"


def _superior(case: Case, name: str, others: Doubles, rival: str) -> Check:
    if case.gains is None:
        return case.judged.not_asked(name)
    gap = case.difference(case.gains, others)
    detectable = case.window.bootstrap.smallest_detectable(case.gains, others)
    reason = (
        f"against {rival}: {interval(gap)}; smallest detectable effect {detectable:.4f}; "
        f"{in_windows(case, case.gains, others)}"
    )
    if gap.low > 0:
        return decided(name, True, gap.difference, 0.0, reason)
    if gap.high < 0:
        return judged_on_evidence(case, decided(name, False, gap.difference, 0.0, reason))
    return undecided(name, gap.difference, 0.0, f"{reason}; the interval includes 0")
