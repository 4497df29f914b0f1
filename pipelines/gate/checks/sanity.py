"""Does it answer like a model: finite, varied, personal, deterministic, obedient?"""

from collections import Counter
from collections.abc import Iterator

import numpy as np

from pipelines.contracts.model import POPULARITY, Check
from pipelines.gate.case import Case, Subject
from pipelines.gate.checks.integrity import subjects
from pipelines.gate.outcome import decided, not_applicable
from pipelines.gate.probe import Probe
from pipelines.models.examples import Floats

NAMES = ("finite", "varied", "personalised", "deterministic", "exclusions")
DIGITS = 6
"""Scores that agree so far count as equal."""


def checks(case: Case) -> Iterator[Check]:
    """`finite`, `varied`, `personalised`, `deterministic` and `exclusions`, for each artifact."""
    for subject in subjects(case):
        if subject.probe is None:
            yield from (subject.not_asked(f"{name}:{subject.name}") for name in NAMES)
            continue
        yield finite(case, subject, subject.probe)
        yield varied(subject.name, subject.probe)
        yield personalised(case, subject, subject.probe)
        yield deterministic(subject, subject.probe)
        yield exclusions(subject, subject.probe)


def finite(case: Case, subject: Subject, probe: Probe) -> Check:
    """No score and no prediction of any item is NaN or infinite, whatever the history."""
    known = np.isin(case.data.item_ids, subject.manifest.item_ids if subject.manifest else [])
    appeal = probe.appeal[:, known]
    parts = [probe.scores, probe.predictions, appeal, _of_known_items(case, subject)]
    wrong = int(sum((~np.isfinite(part)).sum() for part in parts))
    asked = sum(part.size for part in parts)
    reason = (
        f"NaN or infinity among {asked} scores and predictions of the whole catalogue, for "
        "histories of no event, one, two and many"
    )
    return decided(f"finite:{subject.name}", wrong == 0, wrong, 0, reason)


def _of_known_items(case: Case, subject: Subject) -> Floats:
    """[interactions, heads]: predictions of the window's items that are in the model's catalogue.

    Of other items a model says NaN.
    """
    answers, manifest = subject.answers, subject.manifest
    if answers is None or manifest is None:
        return np.zeros((0, 0), dtype=np.float32)
    chosen = case.data.interactions["item_id"].iloc[answers.rows]
    return answers.predictions[chosen.isin(manifest.item_ids).to_numpy()]


def varied(name: str, probe: Probe) -> Check:
    """The scores of one request tell the items apart."""
    distinct = min(len(np.unique(np.round(row, DIGITS))) for row in probe.scores)
    wanted = min(probe.slates.shape[1], probe.scores.shape[1] // 2)
    return decided(
        f"varied:{name}",
        distinct >= wanted,
        distinct,
        wanted,
        "distinct scores within one request, at the least",
    )


def personalised(case: Case, subject: Subject, probe: Probe) -> Check:
    """Not everybody gets the same items, unless that is what the family promises."""
    name = f"personalised:{subject.name}"
    counts = Counter(frozenset(row) for row in probe.slates)
    share = max(counts.values()) / len(probe.slates)
    if subject.manifest is not None and subject.manifest.family == POPULARITY:
        return not_applicable(name, "popularity recommends the same to everybody", share)
    return decided(
        name,
        share <= case.params.max_same_slate,
        share,
        case.params.max_same_slate,
        f"largest share of {len(probe.slates)} users with one and the same slate",
    )


def deterministic(subject: Subject, probe: Probe) -> Check:
    """One request, one answer: alone, among 32, twenty times over; and nothing in it draws."""
    name, draws = f"deterministic:{subject.name}", subject.graph.draws if subject.graph else []
    if draws:
        reason = f"its graph draws at random: {', '.join(draws)}"
        return decided(name, False, probe.unsteady, 0, reason)
    reason = "requests that are answered otherwise alone, in a batch of 32, or when asked again"
    return decided(name, probe.unsteady == 0, probe.unsteady, 0, reason)


def exclusions(subject: Subject, probe: Probe) -> Check:
    """No slate holds an excluded item, one that does not exist, or one twice."""
    found = probe.forbidden + (subject.answers.forbidden if subject.answers else 0)
    reason = "excluded, unknown or repeated items in slates, up to the length of the catalogue"
    return decided(f"exclusions:{subject.name}", found == 0, found, 0, reason)
