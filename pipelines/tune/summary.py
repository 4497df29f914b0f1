"""A study in words and figures: what `reports/tune.json` says of a family."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.contracts.tune import Found, Judgement, Search, Trial
from pipelines.models.family import code_digest
from pipelines.params import Params
from pipelines.tune.judging import best_of, front, judge, objectives
from pipelines.tune.studies import Study


@dataclass(frozen=True)
class Measure:
    """What trials are judged by."""

    params: Params
    heads: Sequence[str]
    """The binary and regression tasks."""


def headline(params: Params) -> str:
    """The metric that is maximised."""
    return f"ndcg_at_{params.evaluate.k}"


def summarise(study: Study, measure: Measure) -> Search:
    """All that a study has found."""
    trials, space, params = study.trials, study.space, measure.params
    metric, samples = headline(params), params.evaluate.bootstrap_samples
    best, present = best_of(trials), _present(trials, study)
    judgement = None
    if best is not None and present is not None:
        judgement = judge(study.gains, best.number, present.number, samples, params.fit.seed)
    aims = objectives(trials, metric, measure.heads)
    return Search(
        family=space.family,
        study=study.name,
        code_digest=code_digest(space.family),
        space={n: one.model_dump(exclude_defaults=True) for n, one in space.spaces.items()},
        trials=trials,
        present=present.number if present else None,
        best=best.number if best else None,
        judgement=judgement,
        importance=study.importance(),
        objectives=aims,
        front=front(trials, aims) if len(aims) > 1 else [],
        verdict=verdict(metric, trials, present, judgement),
        is_written=False,
    )


def verdict(
    metric: str, trials: Sequence[Trial], present: Trial | None, judgement: Judgement | None
) -> str:
    """Whether the search has brought anything, in one sentence."""
    best = best_of(trials)
    if best is None or present is None or judgement is None:
        return "the present setting did not run to its end: give it more minutes"
    if judgement.difference.difference <= 0:
        return f"none of {len(trials)} settings beats the present one, {metric} {present.value:.4f}"
    gap = judgement.difference
    figures = (
        f"trial {best.number} has {metric} {best.value:.4f}, the present setting "
        f"{present.value:.4f}: {gap.difference:+.4f}, 95 % interval {gap.low:+.4f} to "
        f"{gap.high:+.4f}; the best of {len(trials)} on the same users, so expect "
        f"{judgement.corrected:+.4f} on others"
    )
    return f"{'improves' if judgement.improves else 'does not improve beyond noise'}: {figures}"


def found(search: Search) -> Found:
    """The same in short."""
    values = {trial.number: trial.value for trial in search.trials}
    states = [trial.state for trial in search.trials]
    return Found(
        family=search.family,
        study=search.study,
        complete=states.count("complete"),
        pruned=states.count("pruned"),
        failed=states.count("failed"),
        present=None if search.present is None else values[search.present],
        best=None if search.best is None else values[search.best],
        improves=search.judgement is not None and search.judgement.improves,
        verdict=search.verdict,
    )


def _present(trials: Sequence[Trial], study: Study) -> Trial | None:
    whole = [trial for trial in trials if trial.state == "complete"]
    return next((trial for trial in whole if trial.setting == study.space.present), None)
