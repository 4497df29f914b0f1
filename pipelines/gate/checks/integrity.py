"""Is it what it says it is: data frozen, files untouched, nothing but a model, of today's items?"""

from collections.abc import Iterator

from pipelines.contracts.model import POPULARITY, Check
from pipelines.gate.case import Case, Subject
from pipelines.gate.outcome import decided, not_applicable

NEAR_TIES = 0.01
"""Share of ranks that the order of float sums may move."""
STAGES = ("digest", "ops_allowed", "signature", "golden")
"""In the order in which they may stop an artifact; `signature` is asked again after `golden`."""
GOOD = {
    "ops_allowed": "its graphs, read and not run, hold what a model needs and nothing else",
    "signature": "every signature has the contract's names, types and shapes, and answers",
    "golden": "a fresh process loads it and answers every golden request",
}


def checks(case: Case) -> Iterator[Check]:
    """`data_frozen` and `reproduced`; then, per artifact, from its files to what it knows."""
    yield data_frozen(case)
    yield reproduced(case)
    for subject in subjects(case):
        yield digest(case, subject)
        yield from (stage(subject, name) for name in STAGES[1:])
        yield catalogue_current(case, subject)
        yield feature_parity(case, subject)


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
        return case.judged.not_asked(name)
    share = float((case.judged.answers.ranks != written).mean())
    reason = "share of events at another place than when they were evaluated"
    return decided(name, share <= NEAR_TIES, share, NEAR_TIES, reason)


def digest(case: Case, subject: Subject) -> Check:
    """The files are those of the manifest, and the judged artifact is the winner's."""
    name = f"digest:{subject.name}"
    if "digest" in subject.refused:
        return decided(name, False, subject.digest, None, subject.refused["digest"])
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


def stage(subject: Subject, check: str) -> Check:
    """What was found before the model was asked; a stage that was not reached decides nothing."""
    name = f"{check}:{subject.name}"
    if check in subject.refused:
        return decided(name, False, None, None, subject.refused[check])
    if subject.stopped is not None:
        return subject.not_asked(name)
    if check == "ops_allowed" and subject.graph is not None and subject.graph.contained:
        return decided(
            name,
            False,
            ", ".join(subject.graph.contained),
            None,
            "operations that no model needs; they reach nothing outside, so it was asked",
        )
    return decided(name, True, None, None, GOOD[check])


def catalogue_current(case: Case, subject: Subject) -> Check:
    """Every item of the newest snapshot can be recommended."""
    name = f"catalogue_current:{subject.name}"
    if subject.manifest is None:
        return subject.not_asked(name)
    known = set(subject.manifest.item_ids)
    share = sum(item in known for item in case.data.item_ids) / max(1, len(case.data.item_ids))
    reason = "share of the newest snapshot's items that it can recommend"
    return decided(name, share == 1, share, 1.0, reason)


def feature_parity(case: Case, subject: Subject) -> Check:
    """The items that it learnt from mean something to it when they stand in a request."""
    name = f"feature_parity:{subject.name}"
    if subject.probe is None:
        return subject.not_asked(name)
    share, limit = subject.probe.unread, case.params.max_unread
    if case.family == POPULARITY:
        return not_applicable(name, "popularity reads no history", share)
    reason = (
        "share of the fit window's interactions whose item, as the whole history, is answered like "
        "an item that does not exist"
    )
    return decided(name, share <= limit, share, limit, reason)
