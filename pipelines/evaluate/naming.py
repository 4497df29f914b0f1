"""Which family wins. Decided from the validation window alone; pure.

The best on validation wins, with one reservation: a challenger must beat the best baseline by an
interval above 0, as the gate will ask of it on the test window, or the baseline stays. A lead
within the noise would be held by the gate, and nothing would ship (compare the rule of one
standard error, Breiman et al., 1984).
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.contracts.model import BASELINES, Difference, RunFile, TrainReport, Winner
from pipelines.errors import UnknownFamily


@dataclass(frozen=True)
class Choice:
    """What is chosen by.

    Args:
        run_file: The kind of run.
        metric: The headline metric.
        prepared_digest: Of the tables that were learnt from.
    """

    run_file: RunFile
    metric: str
    prepared_digest: str


def name_winner(
    reports: Sequence[TrainReport], choice: Choice, gaps: Mapping[str, Difference]
) -> Winner:
    """The winner of a recipe run; in a refresh, the champion's family.

    Args:
        reports: One per family, in the order of params.yaml; of equals the first wins.
        choice: What is chosen by.
        gaps: By challenger, its difference to the best baseline on validation.

    Raises:
        UnknownFamily: The refresh's family was not fitted.
    """
    if choice.run_file.kind == "refresh":
        report = _of(choice.run_file.family, reports)
        return _winner(report, choice, {}, "the champion's recipe run")
    scores = {report.family: value(report, choice.metric) for report in reports}
    best = _best(reports, choice.metric)
    by = f"{choice.metric} on validation, live"
    rival, gap = best_baseline(reports, choice.metric), gaps.get(best.family)
    if gap is None or rival is None:
        return _winner(best, choice, scores, by)
    by = (
        f"{by}; {best.family} minus {rival.family} {gap.difference:+.4f}, "
        f"95 % interval {gap.low:+.4f} to {gap.high:+.4f}"
    )
    if gap.low > 0:
        return _winner(best, choice, scores, by)
    return _winner(rival, choice, scores, f"{by}: not above 0, so the baseline stays")


def best_baseline(reports: Sequence[TrainReport], metric: str) -> TrainReport | None:
    """The baseline with the best figure on validation; None without one."""
    baselines = [r for r in reports if r.family in BASELINES and r.validation]
    return _best(baselines, metric) if baselines else None


def value(report: TrainReport, metric: str) -> float:
    """A family's figure on validation; 0 where it has none."""
    return report.validation[metric].value if report.validation else 0.0


def _best(reports: Sequence[TrainReport], metric: str) -> TrainReport:
    return max(reports, key=lambda report: value(report, metric))


def _of(family: str | None, reports: Sequence[TrainReport]) -> TrainReport:
    for report in reports:
        if report.family == family:
            return report
    known = ", ".join(report.family for report in reports)
    raise UnknownFamily(
        f"the champion's family, {family!r}, was not fitted",
        where=["family in run.yaml"],
        hint=f"fitted: {known}; ask for a recipe run",
    )


def _winner(
    report: TrainReport, choice: Choice, scores: dict[str, float], chosen_by: str
) -> Winner:
    return Winner(
        schema=1,
        kind=choice.run_file.kind,
        family=report.family,
        params=report.params,
        epochs=report.epochs,
        calibration=report.calibration,
        code_digest=report.code_digest,
        artifact_digest=report.artifact_digest,
        fit_until=report.fit_until,
        prepared_digest=choice.prepared_digest,
        chosen_by=chosen_by,
        scores=scores,
    )
