"""Is it clearly worse for some group of users, though it is better on average?

Many groups are looked at, and one of many looks bad by chance. So each one's p-value, of "it is not
worse by more than the margin", goes through Holm's step-down procedure (1979): whatever the number
of groups and however they overlap, the chance that any is called worse though none is stays below
`gate.slice_error`.
"""

from collections.abc import Iterator, Sequence
from statistics import NormalDist
from typing import NamedTuple

import numpy as np

from pipelines.contracts.model import Check, Difference
from pipelines.gate.case import Bools, Case, Doubles, judged_on_evidence
from pipelines.gate.checks.superiority import interval
from pipelines.gate.outcome import decided, not_applicable
from pipelines.measures.scores import user_slices


class Slice(NamedTuple):
    """A group that is large enough to decide."""

    name: str
    n_events: int
    gap: Difference
    allowed: float
    p: float
    """Of a difference so low, if the true one were just what is allowed."""


def checks(case: Case) -> Iterator[Check]:
    """`slice:NAME` for each group with enough events and users, then `slices_too_small`.

    Only groups of users decide. How a model spreads over popular and rare items is its design; the
    report shows it.
    """
    rival, theirs = _rival(case)
    if case.gains is None:
        yield case.judged.not_asked("slices")
        return
    if theirs is None:
        yield not_applicable("slices", "there is nothing to compare with")
        return
    groups, small = [], []
    for name, inside in user_slices(case.window).items():
        n_events, n_users = int(inside.sum()), len(np.unique(case.window.users[inside]))
        if n_events < case.params.min_slice_events or n_users < case.params.min_slice_users:
            small.append(f"{name} ({n_events} events, {n_users} users)")
        else:
            groups.append(_slice(case, name, inside, case.gains, theirs))
    worse = holm([group.p for group in groups], case.params.slice_error)
    for group, is_worse in zip(groups, worse, strict=True):
        yield _check(case, group, rival, not is_worse, len(groups))
    if small:
        reason = f"too few events or users to decide: {', '.join(small)}"
        yield not_applicable("slices_too_small", reason, len(small))


def holm(p_values: Sequence[float], error: float) -> list[bool]:
    """Which hypotheses are refused, so that the chance of any false refusal is below `error`.

    The smallest of m p-values is held against error / m, the next one against error / (m - 1),
    and so on, until one is not below (Holm, 1979).
    """
    refused = [False] * len(p_values)
    for rank, place in enumerate(np.argsort(p_values, kind="stable")):
        if p_values[place] > error / (len(p_values) - rank):
            break
        refused[place] = True
    return refused


def _rival(case: Case) -> tuple[str, Doubles | None]:
    """The champion; one that has seen the window is no fair rival, and the best baseline is."""
    champion = case.opponent.decides if case.opponent else None
    if champion is not None and not case.has_seen_window(champion):
        return "the champion", case.window.gains(champion.ranks)
    best = case.best_baseline
    return (best, case.others[best]) if best else ("nothing", None)


def _slice(case: Case, name: str, inside: Bools, gains: Doubles, theirs: Doubles) -> Slice:
    gap = case.difference(gains, theirs, inside)
    allowed = -case.params.margin * float(theirs[inside].mean())
    resamples = case.window.resamples(case.window.users[inside])
    error = resamples.standard_error(gains[inside] - theirs[inside])
    below = (gap.difference - allowed) / error if error > 0 else np.inf * (gap.difference - allowed)
    p = NormalDist().cdf(float(np.nan_to_num(below)))
    return Slice(name, int(inside.sum()), gap, allowed, p)


def _check(case: Case, group: Slice, rival: str, ok: bool, n_groups: int) -> Check:
    reason = (
        f"against {rival}, {group.n_events} events; {interval(group.gap)}; p = {group.p:.4f} of "
        f"worse than the margin by chance, Holm's correction for {n_groups} slices at "
        f"{case.params.slice_error}"
    )
    found = decided(f"slice:{group.name}", ok, group.gap.difference, group.allowed, reason)
    return judged_on_evidence(case, found)
