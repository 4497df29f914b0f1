"""Figures of one fitted contender, and paired differences between two."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks import twins
from benchmarks.quality.questions import Exam
from pipelines.measures.bootstrap import Bootstrap
from pipelines.measures.metrics import ranking
from pipelines.measures.protocols import Answers
from pipelines.measures.scores import estimates, sliced
from pipelines.models.artifact import Artifact

EMPTY = "history:0"
SHOWN = ("hr_at_10", "ndcg_at_10", "mrr_at_10", "coverage_at_10", "gini_at_10", "novelty_at_10")
HEADS = ("like_auc", "like_log_loss", "like_calibration_error", "rating_rmse")


def figures(exam: Exam, models: Mapping[str, Artifact]) -> tuple[dict[str, Any], Answers]:
    """All figures of a contender by protocol, and its answers to `live`."""
    live = exam.live(models["live"])
    all_live = estimates(live, exam.test)
    slices = sliced(live, exam.test)
    cold = exam.cold_hits(models["live"])
    found = {
        "live": {
            name: all_live[name].model_dump() for name in (*SHOWN, *HEADS) if name in all_live
        },
        "live, by history": {
            name: {metric: known[metric].model_dump() for metric in ("hr_at_10", "ndcg_at_10")}
            for name, known in slices.items()
            if name.startswith("history:")
        },
        "cold items": {"hr_at_50": round(float(cold.mean()), 6), "n_events": len(cold)},
    }
    return found | _by_other_cuts(exam, models), live


def _by_other_cuts(exam: Exam, models: Mapping[str, Artifact]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if "last" in models:
        last = exam.last(models["last"])
        found["last"] = {
            name: exam.held_out.bootstrap.mean(of(last.ranks, 10)).model_dump()
            for name, of in (("hr_at_10", ranking.hit), ("ndcg_at_10", ranking.ndcg))
        }
    if "window" in models:
        found["window"] = {"ndcg_at_10": _of_users(exam, exam.window(models["window"]))}
    return found


def paired(
    exam: Exam, answers: Mapping[str, Sequence[Answers]], peers: str
) -> dict[str, list[dict[str, Any]]]:
    """By pair, the difference of the headline figure for each seed of the first."""
    pairs = [("multitask", "cf"), ("blend", peers), ("blend", "multitask"), (peers, "cf")]
    found = {
        f"{ours} - {theirs}": [
            exam.test.bootstrap.difference(
                exam.test.gains(side.ranks),
                exam.test.gains(_matching(answers[theirs], number).ranks),
            ).model_dump()
            for number, side in enumerate(answers[ours])
        ]
        for ours, theirs in pairs
        if ours in answers and theirs in answers
    }
    if "als" in answers:
        found["multitask - als, RMSE"] = [
            {"difference": twin.gap.value, "low": twin.gap.low, "high": twin.gap.high}
            for ours in answers["multitask"]
            for twin in twins.compare("regression", "test", (ours, answers["als"][0]), exam.test)
        ]
    return found


def _matching(sides: Sequence[Answers], number: int) -> Answers:
    """The same seed's answers, or the only ones."""
    return sides[min(number, len(sides) - 1)]


def _of_users(exam: Exam, values: Any) -> dict[str, Any]:
    users = Bootstrap(np.arange(len(values)), exam.test.samples, exam.test.seed)
    return users.mean(np.asarray(values, dtype=np.float64)).model_dump()
