"""`train`: fits one family up to the cut and scores it on the validation window."""

from pipelines import storage
from pipelines.contracts.model import (
    ARTIFACTS,
    PREPARED,
    TRAIN_REPORTS,
    RunFile,
    Trained,
    TrainReport,
)
from pipelines.cost import measure
from pipelines.errors import UnknownFamily
from pipelines.measures.validation import Validation, on_validation
from pipelines.models import artifact
from pipelines.models.examples import PreparedData
from pipelines.models.family import Fitted, Source, fit, parts
from pipelines.params import Params


def run(params: Params, family: str) -> Trained:
    """Writes `artifacts/FAMILY` and `reports/train/FAMILY.json`.

    Raises:
        UnknownFamily: params.yaml does not list it, or a refresh knows no epochs for it.
    """
    _require_listed(params, family)
    with measure(f"train.{family}"):
        data = PreparedData.load(PREPARED)

        fitted = _fit(params, family, data, RunFile.load())
        last = data.last_instant(data.prepared.fit_cut)
        manifest = artifact.write(ARTIFACTS / family, fitted, data, params, last)
        report = _report(fitted, manifest, on_validation(ARTIFACTS / family, data, params))

        storage.write_record(TRAIN_REPORTS / f"{family}.json", report)
    return _trained(report, f"ndcg_at_{params.evaluate.k}")


def _require_listed(params: Params, family: str) -> None:
    if family not in params.contenders:
        raise UnknownFamily(
            f"{family!r} is not one of the families",
            where=["families in params.yaml"],
            hint=f"known here: {', '.join(params.contenders)}",
        )


def _sources(params: Params, family: str) -> dict[str, Source]:
    """What a blend is made of: artifacts that `train` has written."""
    sources = {}
    for name in parts(name=family, params=params):
        report = storage.read_record(TRAIN_REPORTS / f"{name}.json", TrainReport)
        artifact.require_digest(ARTIFACTS / name, report.artifact_digest)
        sources[name] = Source(ARTIFACTS / name, report.epochs, report.calibration)
    return sources


def _fit(params: Params, family: str, data: PreparedData, run_file: RunFile) -> Fitted:
    """A recipe finds epochs and calibration by the validation window; a refresh is told them."""
    epochs, calibration = None, None
    if run_file.kind == "refresh":
        if run_file.epochs is None or run_file.calibration is None:
            raise UnknownFamily("a refresh without epochs and calibration", where=["run.yaml"])
        if family not in run_file.epochs:
            raise UnknownFamily(
                f"the recipe run did not fit {family}",
                where=["epochs in run.yaml"],
                hint="a new family needs a recipe run",
            )
        epochs, calibration = run_file.epochs[family], run_file.calibration.get(family, {})
    until = data.prepared.fit_cut
    return fit(
        family,
        data,
        params,
        until=until,
        epochs=epochs,
        calibration=calibration,
        sources=_sources(params, family),
    )


def _report(
    fitted: Fitted, manifest: artifact.Manifest, validation: Validation | None
) -> TrainReport:
    return TrainReport(
        schema=1,
        family=fitted.family,
        validation=validation.estimates if validation else None,
        validation_users=validation.users if validation else None,
        epochs=fitted.epochs,
        calibration=dict(fitted.calibration),
        learning_curve=fitted.learning_curve,
        params=manifest.params,
        code_digest=manifest.code_digest,
        artifact_digest=artifact.model_digest(ARTIFACTS / fitted.family),
        fit_until=manifest.fit_until,
    )


def _trained(report: TrainReport, metric: str) -> Trained:
    return Trained(
        family=report.family,
        artifact=str(ARTIFACTS / report.family),
        artifact_digest=report.artifact_digest,
        report=str(TRAIN_REPORTS / f"{report.family}.json"),
        epochs=report.epochs,
        ndcg=report.validation[metric].value if report.validation else None,
    )
