"""Is it what it says it is: data frozen, files untouched, loadable, of today's catalogue?"""

from collections.abc import Iterator

from pipelines.contracts.model import Check
from pipelines.gate.case import Case, Subject
from pipelines.gate.outcome import decided, not_applicable

NEAR_TIES = 0.01
"""Share of ranks that the order of float sums may move."""


def checks(case: Case) -> Iterator[Check]:
    """`data_frozen`, `reproduced`, then per artifact `digest`, `golden`, `catalogue_current`."""
    yield data_frozen(case)
    yield reproduced(case)
    for subject in subjects(case):
        yield digest(case, subject)
        yield golden(subject)
        yield catalogue_current(case, subject)


def subjects(case: Case) -> list[Subject]:
    """The judged artifact, then the refitted one, if there is one."""
    return [case.judged] if case.refit is None else [case.judged, case.refit]


def data_frozen(case: Case) -> Check:
    """The prepared tables are those that the winner was named from."""
    if case.winner is None:
        return not_applicable("data_frozen", "an artifact is judged by itself, without a winner")
    wanted = case.winner.prepared_digest
    return decided(
        "data_frozen",
        case.prepared_digest == wanted,
        case.prepared_digest,
        wanted,
        "the prepared tables are those that were evaluated"
        if case.prepared_digest == wanted
        else "the prepared tables changed after the evaluation",
    )


def reproduced(case: Case) -> Check:
    """The judged model, asked again, gives the answers that `evaluate` wrote down."""
    name, written = "reproduced", case.ranks.get(case.family)
    if case.winner is None or written is None:
        return not_applicable(name, "an artifact is judged by itself, without a winner")
    if case.judged.answers is None:
        return decided(name, False, None, None, case.judged.fault or "it gave no answers")
    share = float((case.judged.answers.ranks != written).mean())
    reason = "share of events at another place than when they were evaluated"
    return decided(name, share <= NEAR_TIES, share, NEAR_TIES, reason)


def digest(case: Case, subject: Subject) -> Check:
    """The files are those of the manifest, and the judged artifact is the winner's."""
    name = f"digest:{subject.name}"
    if subject.broken is not None:
        return decided(name, False, subject.digest, None, subject.broken)
    if case.winner is None or subject is not case.judged:
        return decided(name, True, subject.digest, None, "every file is that of the manifest")
    wanted = case.winner.artifact_digest
    return decided(
        name,
        subject.digest == wanted,
        subject.digest,
        wanted,
        "every file is that of the manifest; the digest is compared with winner.json",
    )


def golden(subject: Subject) -> Check:
    """A fresh process loads it and answers the golden requests as when it was written."""
    good = "a fresh process loads it and answers every golden request"
    return decided(
        f"golden:{subject.name}", subject.replayed is None, None, None, subject.replayed or good
    )


def catalogue_current(case: Case, subject: Subject) -> Check:
    """Every item of the newest snapshot can be recommended."""
    known = set(subject.manifest.item_ids) if subject.manifest else set()
    share = sum(item in known for item in case.data.item_ids) / max(1, len(case.data.item_ids))
    return decided(
        f"catalogue_current:{subject.name}",
        share == 1,
        share,
        1.0,
        "share of the newest snapshot's items that it can recommend",
    )
