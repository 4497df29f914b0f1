"""Is it better than the baselines, by an interval and not by a point?"""

from collections.abc import Iterator

import numpy as np

from pipelines.contracts.model import BASELINES, POPULARITY, Check, Difference
from pipelines.gate.case import Case, Doubles, judged_on_evidence
from pipelines.gate.outcome import decided, not_applicable, undecided
from pipelines.measures.scores import user_slices


def checks(case: Case) -> Iterator[Check]:
    """`evidence`, `beats_popularity`, `beats_best_baseline`, then one check per slice."""
    yield evidence(case)
    yield beats_popularity(case)
    yield beats_best_baseline(case)
    yield from slices(case)


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
        return decided(name, False, None, 0.0, case.judged.fault or "it gave no answers")
    if other is None:
        return undecided(name, None, 0.0, "popularity was not trained: list it under `families`")
    gains = case.window.gains(other)
    if case.family == POPULARITY and np.isclose(gains.mean(), case.gains.mean()):
        return decided(name, True, 0.0, 0.0, "it is popularity: nothing better was found")
    return _superior(case, name, gains, POPULARITY)


def beats_best_baseline(case: Case) -> Check:
    """Better than the best baseline; a baseline must only not be worse than the others."""
    name = "beats_best_baseline"
    if case.gains is None:
        return decided(name, False, None, 0.0, case.judged.fault or "it gave no answers")
    rivals = {family: gains for family, gains in case.others.items() if family in BASELINES}
    if not rivals:
        return not_applicable(name, "there is no other baseline")
    best = max(rivals, key=lambda family: float(rivals[family].mean()))
    if case.family not in BASELINES:
        return _superior(case, name, rivals[best], best)
    gap = case.difference(case.gains, rivals[best])
    reason = f"a baseline must only not be worse than {best}; {interval(gap)}"
    found = decided(name, gap.high >= 0, gap.difference, 0.0, reason)
    return judged_on_evidence(case, found)


def slices(case: Case) -> Iterator[Check]:
    """Clearly worse for no group of users: against the champion, else the best baseline.

    A champion that has seen the window is no fair rival, and the baseline takes its place.
    Only groups of users decide. How a model spreads over popular and rare items is its design;
    the report shows it.
    """
    rivals = {family: gains for family, gains in case.others.items() if family in BASELINES}
    rival = max(rivals, key=lambda family: float(rivals[family].mean()), default=None)
    theirs = rivals[rival] if rival else None
    champion = case.opponent.decides if case.opponent else None
    if champion is not None and not case.has_seen_window(champion):
        rival, theirs = "the champion", case.window.gains(champion.ranks)
    if case.gains is None or theirs is None:
        yield not_applicable("slices", "there is nothing to compare with, or it gave no answers")
        return
    small = []
    for name, inside in user_slices(case.window).items():
        n_events, n_users = int(inside.sum()), len(np.unique(case.window.users[inside]))
        if n_events < case.params.min_events or n_users < case.params.min_users:
            small.append(f"{name} ({n_events} events, {n_users} users)")
            continue
        gap = case.difference(case.gains, theirs, inside)
        allowed = -case.params.margin * float(theirs[inside].mean())
        reason = f"against {rival}, {n_events} events; {interval(gap)}"
        yield decided(f"slice:{name}", gap.high >= allowed, gap.difference, allowed, reason)
    if small:
        reason = f"too few events or users to decide: {', '.join(small)}"
        yield not_applicable("slices_too_small", reason, len(small))


def interval(gap: Difference) -> str:
    """The difference in words."""
    return f"difference {gap.difference:+.4f}, 95 % interval {gap.low:+.4f} to {gap.high:+.4f}"


def _superior(case: Case, name: str, others: Doubles, rival: str) -> Check:
    if case.gains is None:
        return decided(name, False, None, 0.0, "it gave no answers")
    gap = case.difference(case.gains, others)
    detectable = case.window.bootstrap.smallest_detectable(case.gains, others)
    reason = f"against {rival}: {interval(gap)}; smallest detectable effect {detectable:.4f}"
    if gap.low > 0:
        return decided(name, True, gap.difference, 0.0, reason)
    if gap.high < 0:
        return judged_on_evidence(case, decided(name, False, gap.difference, 0.0, reason))
    return undecided(name, gap.difference, 0.0, f"{reason}; the interval includes 0")
