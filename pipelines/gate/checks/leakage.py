"""Is it too good to be true: histories that look ahead, cuts that moved, figures beyond reach?"""

from collections.abc import Iterator

import numpy as np

from pipelines.contracts.model import Check
from pipelines.gate.case import Case, judged_on_evidence
from pipelines.gate.outcome import decided, not_applicable, undecided
from pipelines.measures.metrics.ranking import best_possible_ndcg
from pipelines.storage import micros_to_rfc3339


def checks(case: Case) -> Iterator[Check]:
    """`leakage`, `cut`, `plausible` and `plausible_gain`."""
    yield leakage(case)
    yield cut(case)
    yield plausible(case)
    yield plausible_gain(case)


def leakage(case: Case) -> Check:
    """Time travel: every history that was shown ends strictly before the moment it predicts."""
    data, rows = case.data, case.window.rows
    users = data.interactions["user_id"].to_numpy(object)
    shown = data.page_start[rows] > data.user_start[rows]
    newest = np.maximum(data.page_start[rows] - 1, 0)
    is_late = shown & (data.timestamps[newest] >= data.timestamps[rows])
    is_foreign = users[data.user_start[rows]] != users[rows]
    wrong = int((is_late | is_foreign).sum())
    return decided(
        "leakage",
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
        return decided("plausible", False, None, None, case.judged.fault or "it gave no answers")
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
