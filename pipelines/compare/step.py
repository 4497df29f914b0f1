"""`compare`: fits families at several cuts and compares what follows; reads nothing it decided."""

import tempfile
from collections.abc import Sequence
from pathlib import Path

from pipelines import progress, storage
from pipelines.compare.origins import Origin, Scored, differences, origins
from pipelines.contracts.model import (
    PREPARED,
    TRAIN_REPORTS,
    Compared,
    FamilyAtOrigin,
    PairOfFamilies,
    TrainReport,
)
from pipelines.errors import NotMeasured, UnknownFamily
from pipelines.measures.protocols import Questions, live
from pipelines.measures.scores import Window
from pipelines.models import artifact
from pipelines.models.examples import PreparedData
from pipelines.models.family import fit
from pipelines.params import Params


def run(params: Params, families: Sequence[str], n_origins: int) -> Compared:
    """Compares families on `live` over consecutive windows, each after a cut of its own.

    The epochs and the calibration are those that `train` found: nothing is chosen here.

    Args:
        params: All parameters.
        families: Which; at least two.
        n_origins: How many cuts.

    Raises:
        UnknownFamily: One is not in params.yaml, or there are fewer than two.
        NotMeasured: One was not trained, so that its epochs are not known.
    """
    _require_known(params, families)
    reports = {family: _report(family) for family in families}
    data, settings = PreparedData.load(PREPARED), params.evaluate
    cuts = origins(data, n_origins, params.split.validation_from)
    scored: dict[str, list[Scored]] = {family: [] for family in families}
    told: list[FamilyAtOrigin] = []
    work = [(origin, family) for origin in cuts for family in families]
    for origin, family in progress.track(work, "origins and families", len(work)):
        found = _scored(params, data, origin, reports[family])
        scored[family].append(found)
        told.append(
            FamilyAtOrigin(
                cut=storage.micros_to_rfc3339(origin.cut),
                family=family,
                ndcg=round(float(found.gains.mean()), 6),
                n_events=len(found.gains),
                n_users=len(set(found.users.tolist())),
            )
        )
    pairs = differences(scored, settings.bootstrap_samples, params.fit.seed)
    return Compared(
        metric=f"ndcg_at_{settings.k}",
        origins=told,
        pairs=[
            PairOfFamilies(pair=f"{a}-{b}", **gap.model_dump()) for (a, b), gap in pairs.items()
        ],
    )


def _scored(params: Params, data: PreparedData, origin: Origin, report: TrainReport) -> Scored:
    fitted = fit(
        report.family,
        data,
        params,
        until=origin.cut,
        epochs=report.epochs,
        calibration=report.calibration,
    )
    settings = params.evaluate
    window = Window.of(data, origin.rows, params)
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / report.family
        artifact.write(folder, fitted, data, params, data.last_instant(origin.cut))
        asked = Questions(data, origin.rows, settings.k, settings.batch)
        answers = live(artifact.open_artifact(folder), asked, report.family)
    return Scored(window.users, window.gains(answers.ranks))


def _report(family: str) -> TrainReport:
    path = TRAIN_REPORTS / f"{family}.json"
    if not path.is_file():
        raise NotMeasured(
            f"the epochs of {family} are not known", where=[str(path)], hint="run `dvc repro train`"
        )
    return storage.read_record(path, TrainReport)


def _require_known(params: Params, families: Sequence[str]) -> None:
    unknown = [family for family in families if family not in params.families]
    if unknown or len(set(families)) < 2:
        what = (
            f"{unknown[0]!r} is not one of the families" if unknown else "fewer than two families"
        )
        raise UnknownFamily(
            what, where=["--families"], hint=f"known here: {', '.join(params.families)}"
        )
