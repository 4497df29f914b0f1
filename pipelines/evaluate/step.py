"""`evaluate`: names the winner from validation, then reads the test window once, for all."""

from pipelines import storage
from pipelines.contracts.model import (
    ARTIFACTS,
    BASELINES,
    MEASURED,
    METRICS,
    PREPARED,
    REPORT,
    TRAIN_REPORTS,
    WINNER,
    Difference,
    Evaluated,
    RunFile,
    TrainReport,
)
from pipelines.cost import measured
from pipelines.errors import DataChanged
from pipelines.evaluate import appendix, measuring
from pipelines.evaluate.findings import findings
from pipelines.evaluate.measuring import LIVE, ask
from pipelines.evaluate.naming import Choice, best_baseline, name_winner
from pipelines.evaluate.report import Report, page
from pipelines.measures.recorded import write_ranks
from pipelines.measures.scores import Window, compare
from pipelines.models import artifact, engine
from pipelines.models.examples import PreparedData
from pipelines.params import Params


@measured("evaluate")
def run(params: Params) -> Evaluated:
    """Writes the winner, the metrics with intervals, each interaction's rank, and the report.

    Raises:
        DataChanged: An artifact is not the one that `train` wrote, or learnt up to another cut.
        UnknownFamily: A refresh whose family was not fitted.
    """
    engine.make_repeatable(params.fit.seed, params.fit.threads)
    data = PreparedData.load(PREPARED)
    reports = [_report(family, data) for family in params.contenders]
    metric = f"ndcg_at_{params.evaluate.k}"
    choice = Choice(RunFile.load(), metric, storage.tree_digest(PREPARED))
    gaps = _gaps(params, reports, metric)
    winner = name_winner(reports, choice, gaps)
    storage.write_record(WINNER, winner)

    # the choice is on disk: only now is the test window read
    window = _window(params, data)
    asked = {report.family: ask(report.family, window, params.evaluate.batch) for report in reports}
    metrics = measuring.metrics(asked, window)

    write_ranks(MEASURED, {family: (a.live.rows, a.live.ranks) for family, a in asked.items()})
    storage.write_record(METRICS, metrics)
    found = findings(asked, window, winner.family, reports)
    content = Report(winner, data.prepared, metrics, reports, gaps, found, params.evaluate.k)
    storage.write_atomic(REPORT, page(content).encode())
    appendix.write()
    figures = {family: metrics.test[LIVE][family][metric].value for family in asked}
    return Evaluated(winner=winner.family, ndcg=figures, metrics=str(METRICS), report=str(REPORT))


def _report(family: str, data: PreparedData) -> TrainReport:
    """What `train` reported, if its artifact is the one that it wrote, of this cut."""
    path, folder = TRAIN_REPORTS / f"{family}.json", ARTIFACTS / family
    report = storage.read_record(path, TrainReport)
    artifact.require_digest(folder, report.artifact_digest)
    wanted = data.last_instant(data.prepared.fit_cut)
    if report.fit_until != wanted:
        raise DataChanged(
            f"{family} learnt until {storage.micros_to_rfc3339(report.fit_until)}, the fit window "
            f"now ends with {storage.micros_to_rfc3339(wanted)}",
            where=[str(path)],
            hint=f"run `dvc repro`, or `tandem train --family {family}`",
        )
    return report


def _gaps(params: Params, reports: list[TrainReport], metric: str) -> dict[str, Difference]:
    """By challenger: its paired difference to the best baseline, on validation."""
    rival = best_baseline(reports, metric)
    if rival is None or rival.validation_users is None:
        return {}
    samples, seed = params.evaluate.bootstrap_samples, params.fit.seed
    return {
        report.family: compare(report.validation_users, rival.validation_users, samples, seed)
        for report in reports
        if report.family not in BASELINES and report.validation_users is not None
    }


def _window(params: Params, data: PreparedData) -> Window:
    return Window.of(data, data.window("test"), params)
