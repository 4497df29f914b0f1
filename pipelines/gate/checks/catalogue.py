"""How much of the catalogue its slates show."""

from collections.abc import Iterator

import numpy as np

from pipelines.contracts.model import POPULARITY, Check
from pipelines.gate.case import Case, judged_on_evidence
from pipelines.gate.outcome import decided
from pipelines.measures.metrics import catalogue
from pipelines.measures.slices import fit_counts


def checks(case: Case) -> Iterator[Check]:
    """`coverage`, with Gini and novelty in its reason."""
    answers = case.judged.answers
    if answers is None:
        yield case.judged.not_asked("coverage")
        return
    exposures = catalogue.exposure(answers.slates, len(case.data.items))
    bits = catalogue.novelty(fit_counts(case.data))
    shown = answers.slates[answers.slates >= 0]
    novelty = float(np.mean(bits[shown])) if len(shown) else 0.0
    share = catalogue.coverage(exposures)
    floor, why = _floor(case)
    reason = (
        f"share of the catalogue in slates; {why}; Gini {catalogue.gini(exposures):.4f}, "
        f"novelty {novelty:.4f} bits"
    )
    yield judged_on_evidence(case, decided("coverage", share >= floor, share, floor, reason))


def _floor(case: Case) -> tuple[float, str]:
    """A share of the champion's coverage, else of the best baseline's, and never below the least.

    Popularity shows few items by what it is: only the least holds for it.
    """
    params, (coverage, whose) = case.params, _compared(case)
    kept = params.min_coverage_kept * coverage
    if case.family == POPULARITY or kept <= params.min_coverage:
        return params.min_coverage, "the least that any model must show"
    return kept, f"{params.min_coverage_kept} of the {coverage:.4f} of {whose}"


def _compared(case: Case) -> tuple[float, str]:
    champion = case.opponent.decides if case.opponent else None
    if champion is not None:
        exposures = catalogue.exposure(champion.answers.slates, len(case.data.items))
        return catalogue.coverage(exposures), "the champion"
    best = case.best_baseline
    figures = case.estimates.get(best, {}) if best else {}
    figure = figures.get(f"coverage_at_{case.window.k}")
    return (figure.value, str(best)) if figure else (0.0, "nothing")
