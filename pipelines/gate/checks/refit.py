"""Is the model that will be served the judged recipe on newer data, and nothing else?"""

from collections.abc import Iterator

import numpy as np

from pipelines.contracts.model import Check
from pipelines.gate.case import Case, Subject
from pipelines.gate.outcome import decided, not_applicable
from pipelines.storage import micros_to_rfc3339


def checks(case: Case) -> Iterator[Check]:
    """`refit_recipe`, `refit_newest` and `refit_overlap`."""
    if case.refit is None or case.winner is None:
        names = ("refit_recipe", "refit_newest", "refit_overlap")
        yield from (not_applicable(n, "an artifact is judged by itself") for n in names)
        return
    yield recipe(case)
    yield newest(case)
    yield overlap(case, case.refit)


def recipe(case: Case) -> Check:
    """Family, parameters and code are the winner's."""
    manifest, winner = case.refit.manifest if case.refit else None, case.winner
    is_same = (
        manifest is not None
        and winner is not None
        and (manifest.family, manifest.params, manifest.code_digest)
        == (winner.family, winner.params, winner.code_digest)
    )
    return decided(
        "refit_recipe",
        is_same,
        manifest.family if manifest else None,
        winner.family if winner else None,
        "family, parameters and code compared with winner.json",
    )


def newest(case: Case) -> Check:
    """It learnt through the newest event."""
    manifest, wanted = case.refit.manifest if case.refit else None, case.data.prepared.newest_event
    return decided(
        "refit_newest",
        manifest is not None and manifest.fit_until == wanted,
        micros_to_rfc3339(manifest.fit_until) if manifest else None,
        micros_to_rfc3339(wanted),
        "the last instant that it learnt from is that of the newest event",
    )


def overlap(case: Case, refitted: Subject) -> Check:
    """Its slates resemble the judged model's."""
    ours, theirs = case.judged.probe, refitted.probe
    if ours is None:
        return case.judged.not_asked("refit_overlap")
    if theirs is None:
        return refitted.not_asked("refit_overlap")
    k = ours.masked.shape[1]
    pairs = zip(ours.masked, theirs.masked, strict=True)
    share = float(np.mean([len(set(a) & set(b)) / k for a, b in pairs]))
    return decided(
        "refit_overlap",
        share >= case.params.min_overlap,
        share,
        case.params.min_overlap,
        f"mean share of a slate that judged and refitted model have in common, {len(ours.masked)} "
        "users",
    )
