"""Runs every check on a case and decides; pure."""

from pipelines.contracts.model import Check, Verdict
from pipelines.gate.case import Case
from pipelines.gate.checks import (
    behaviour,
    budget,
    catalogue,
    champion,
    features,
    integrity,
    leakage,
    provenance,
    refit,
    sanity,
    slices,
    superiority,
    tasks,
)
from pipelines.gate.verdict import decide

CHECKS = (
    *(integrity, provenance, sanity, leakage, features),
    *(superiority, champion, slices, tasks, catalogue),
    *(behaviour, refit, budget),
)
"""In the order in which they are told; each is a module with `checks`."""


def judge(case: Case) -> Verdict:
    """The verdict, with every check listed."""
    results: list[Check] = [check for kind in CHECKS for check in kind.checks(case)]
    decision, reason = decide(results, case.kind)
    return Verdict(
        schema=1,
        verdict=decision,
        kind=case.kind,
        reason=reason,
        winner=case.family,
        champion=case.opponent.version if case.opponent else None,
        data_version=case.data.prepared.data_version,
        checks=results,
        gains=case.pairs,
    )
