"""Which family wins. Decided from the validation window alone; pure."""

from collections.abc import Sequence

from pipelines.contracts.model import RunFile, TrainReport, Winner
from pipelines.errors import UnknownFamily


def name_winner(
    reports: Sequence[TrainReport], run_file: RunFile, metric: str, prepared_digest: str
) -> Winner:
    """The family with the best figure on validation; in a refresh, the champion's family.

    Args:
        reports: One per family, in the order of params.yaml; of equals the first wins.
        run_file: The kind of run.
        metric: The headline metric.
        prepared_digest: Of the tables that were learnt from.

    Raises:
        UnknownFamily: The refresh's family was not fitted.
    """
    if run_file.kind == "refresh":
        return _winner(_of(run_file.family, reports), run_file, {}, prepared_digest)
    scores = {
        report.family: report.validation[metric].value for report in reports if report.validation
    }
    best = max(scores, key=lambda family: scores[family])
    return _winner(_of(best, reports), run_file, scores, prepared_digest, metric)


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
    report: TrainReport,
    run_file: RunFile,
    scores: dict[str, float],
    prepared_digest: str,
    metric: str | None = None,
) -> Winner:
    chosen_by = f"{metric} on validation, live" if metric else "the champion's recipe run"
    return Winner(
        schema=1,
        kind=run_file.kind,
        family=report.family,
        params=report.params,
        epochs=report.epochs,
        calibration=report.calibration,
        code_digest=report.code_digest,
        artifact_digest=report.artifact_digest,
        fit_until=report.fit_until,
        prepared_digest=prepared_digest,
        chosen_by=chosen_by,
        scores=scores,
    )
