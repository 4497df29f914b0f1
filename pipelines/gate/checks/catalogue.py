"""How much of the catalogue its slates show."""

from collections.abc import Iterator

import numpy as np

from pipelines.contracts.model import Check
from pipelines.gate.case import Case, judged_on_evidence
from pipelines.gate.outcome import decided
from pipelines.measures.metrics import catalogue
from pipelines.measures.slices import fit_counts


def checks(case: Case) -> Iterator[Check]:
    """`coverage`, with Gini and novelty in its reason."""
    answers = case.judged.answers
    if answers is None:
        yield decided("coverage", False, None, None, case.judged.fault or "it gave no answers")
        return
    exposures = catalogue.exposure(answers.slates, len(case.data.items))
    bits = catalogue.novelty(fit_counts(case.data))
    shown = answers.slates[answers.slates >= 0]
    novelty = float(np.mean(bits[shown])) if len(shown) else 0.0
    share, floor = catalogue.coverage(exposures), case.params.min_coverage
    reason = (
        f"share of the catalogue in slates; Gini {catalogue.gini(exposures):.4f}, "
        f"novelty {novelty:.4f} bits"
    )
    yield judged_on_evidence(case, decided("coverage", share >= floor, share, floor, reason))
