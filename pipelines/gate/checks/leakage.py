"""Is it too good to be true: histories that look ahead, cuts that moved, a future that is known?"""

from collections.abc import Iterator

import numpy as np

from pipelines.contracts.model import Check
from pipelines.gate.case import Case, Doubles, judged_on_evidence
from pipelines.gate.foresight import Share, clock_share, foresight, own_against_others
from pipelines.gate.outcome import decided, not_applicable, undecided
from pipelines.gate.probe import Probe
from pipelines.measures.metrics.ranking import best_possible_ndcg
from pipelines.models.examples import Floats
from pipelines.storage import micros_to_rfc3339


def checks(case: Case) -> Iterator[Check]:
    """`cut`, `plausible`, `plausible_gain`, and the battery of `leakage:…`."""
    yield histories(case)
    yield cut(case)
    yield plausible(case)
    yield plausible_gain(case)
    if case.judged.probe is None:
        yield case.judged.not_asked("leakage:model")
        return
    yield future(case, case.judged.probe)
    yield own_next(case, case.judged.probe)
    yield clock(case, case.judged.probe)
    yield shuffled(case, case.judged.probe)


def histories(case: Case) -> Check:
    """Time travel: every history that was shown ends strictly before the moment it predicts."""
    data, rows = case.data, case.window.rows
    users = data.interactions["user_id"].to_numpy(object)
    shown = data.page_start[rows] > data.user_start[rows]
    newest = np.maximum(data.page_start[rows] - 1, 0)
    is_late = shown & (data.timestamps[newest] >= data.timestamps[rows])
    is_foreign = users[data.user_start[rows]] != users[rows]
    wrong = int((is_late | is_foreign).sum())
    return decided(
        "leakage:histories",
        wrong == 0,
        wrong,
        0,
        f"of {len(rows)} histories end at or after the moment, or are somebody else's",
    )


def cut(case: Case) -> Check:
    """The judged model says that it learnt from nothing at or after the cut."""
    if case.winner is None or case.judged.manifest is None:
        return not_applicable("cut", "what a foreign artifact says of its data is not believed")
    until, limit = case.judged.manifest.fit_until, case.data.prepared.fit_cut
    return decided(
        "cut",
        until < limit,
        micros_to_rfc3339(until),
        micros_to_rfc3339(limit),
        "the last instant that the judged model learnt from lies before the cut",
    )


def plausible(case: Case) -> Check:
    """Too good: near what an oracle would reach that knows each page before it happens."""
    if case.gains is None:
        return case.judged.not_asked("plausible")
    pages = case.data.pages(case.window.rows)
    best = best_possible_ndcg(pages.end - pages.start, case.window.k)
    share, limit = float(case.gains.mean()) / best, case.params.max_share_of_best
    reason = f"share of the {best:.4f} that an oracle would reach; above, it has seen the answers"
    return judged_on_evidence(case, decided("plausible", share <= limit, share, limit, reason))


def plausible_gain(case: Case) -> Check:
    """Too good: many times as good as any other family."""
    if case.gains is None or not case.others:
        return not_applicable("plausible_gain", "there is no other family to compare with")
    best = max(float(gains.mean()) for gains in case.others.values())
    if best == 0:
        return undecided("plausible_gain", None, case.params.max_gain, "no other family finds any")
    gain, limit = float(case.gains.mean()) / best, case.params.max_gain
    reason = f"multiples of the best other family's {best:.4f}"
    return judged_on_evidence(case, decided("plausible_gain", gain <= limit, gain, limit, reason))


def future(case: Case, probe: Probe) -> Check:
    """Its scores follow what will be popular no better than the past explains."""
    name, limit = "leakage:future", case.params.max_foresight
    crowd = np.nanmean(_ranked(probe.appeal[1:]), axis=0)
    found = [foresight(case.data, case.window.rows, scores) for scores in (probe.appeal[0], crowd)]
    told = [figure for figure in found if figure is not None]
    if not told:
        return not_applicable(name, "too few items to tell the future from the past")
    reason = (
        "partial correlation of scores with popularity in the window, given that of the fit "
        "window; for an empty history or on average over the window, whichever is more"
    )
    return decided(name, max(told) <= limit, max(told), limit, reason)


def own_next(case: Case, probe: Probe) -> Check:
    """What a user does next does not stand out beyond measure from what others do."""
    name, limit = "leakage:own_next", case.params.max_auc
    found = own_against_others(case.data, case.window, probe.moments, probe.appeal[1:])
    reason = "AUC of what a user did next against what others did in the window"
    return _too_sure(name, found, limit, reason)


def clock(case: Case, probe: Probe) -> Check:
    """Nothing of what happens at a moment is known by the moment alone."""
    name, limit = "leakage:clock", case.params.max_clock_auc
    if case.judged.graph is not None and case.judged.graph.reads_clock:
        return decided(name, False, None, limit, "its graph reads the machine's clock")
    found = clock_share(case.data, case.window, probe.moments, probe.clock)
    reason = (
        "share of items that score higher at the moment at which somebody chooses them than at "
        "others, when a request says nothing but the moment"
    )
    return _too_sure(name, found, limit, reason)


def shuffled(case: Case, probe: Probe) -> Check:
    """Labels that are dealt out at random are found no better than by one slate for everybody."""
    gain, best = probe.chance
    reason = "NDCG with the window's items dealt out at random, and that of the best single slate"
    found = decided("leakage:shuffled", gain <= best, gain, best, reason)
    return judged_on_evidence(case, found)


def _too_sure(name: str, found: Share | None, limit: float, reason: str) -> Check:
    if found is None:
        return not_applicable(name, "no item of the asked moments is in the catalogue")
    return decided(
        name,
        found.low <= limit,
        found.value,
        limit,
        f"{reason}; 95 % interval from {found.low:.4f}",
    )


def _ranked(scores: Floats) -> Doubles:
    """[rows, items] places of items in each row, worst first; NaN stays."""
    places = scores.argsort(axis=1).argsort(axis=1).astype(np.float64)
    ranked: Doubles = np.where(np.isfinite(scores), places, np.nan)
    return ranked
