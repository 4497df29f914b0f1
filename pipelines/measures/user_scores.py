"""From answers to `window` to figures: one per user, so that an interval is over users alone."""

from collections.abc import Mapping

import numpy as np

from pipelines.contracts.model import Difference, Estimates
from pipelines.measures.metrics import slate
from pipelines.measures.protocols import UserAnswers
from pipelines.measures.scores import Bools, Doubles, Window, catalogue_estimates
from pipelines.measures.slices import ITEM_SLICE, slices

METRICS = {
    "hr": slate.hit,
    "precision": slate.precision,
    "recall": slate.recall,
    "ndcg": slate.ndcg,
    "map": slate.average_precision,
    "mrr": slate.reciprocal,
}


def user_estimates(answers: UserAnswers, window: Window) -> Estimates:
    """All metrics of one model; `n_events` counts users, each of whom was asked about once."""
    everybody = np.ones(len(answers.rows), dtype=bool)
    return {
        **_estimates(answers, window, everybody),
        **catalogue_estimates(answers.slates, answers.rows, window),
    }


def user_sliced(answers: UserAnswers, window: Window) -> dict[str, Estimates]:
    """Ranking metrics by group of users: by what was known of them when the window began."""
    return {
        name: _estimates(answers, window, inside)
        for name, inside in slices(window.data, answers.rows).items()
        if not name.startswith(ITEM_SLICE)
    }


def user_difference(
    ours: UserAnswers, theirs: UserAnswers, window: Window
) -> dict[str, Difference]:
    """By metric, the paired difference of two models, ours minus theirs, of the same users."""
    resamples = window.resamples(window.data.user_start[ours.rows])
    others = _values(theirs, window.k)
    return {
        name: resamples.difference(values, others[name])
        for name, values in _values(ours, window.k).items()
    }


def user_paired(
    answers: Mapping[str, UserAnswers], window: Window
) -> dict[str, dict[str, Difference]]:
    """All pairs of models: "A-B" to metric to the paired difference."""
    names = list(answers)
    pairs = [(a, b) for place, a in enumerate(names) for b in names[place + 1 :]]
    return {f"{a}-{b}": user_difference(answers[a], answers[b], window) for a, b in pairs}


def _estimates(answers: UserAnswers, window: Window, inside: Bools) -> Estimates:
    resamples = window.resamples(window.data.user_start[answers.rows[inside]])
    values = _values(answers, window.k)
    return {name: resamples.mean(of_users[inside]) for name, of_users in values.items()}


def _values(answers: UserAnswers, k: int) -> dict[str, Doubles]:
    """By metric, [users]."""
    return {f"{name}_at_{k}": of(answers.hits, answers.relevant) for name, of in METRICS.items()}
