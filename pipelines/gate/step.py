"""`gate`: asks the judged, refitted and champion models, runs every check, writes one verdict."""

from collections.abc import Mapping
from pathlib import Path

from pipelines import progress, storage
from pipelines.contracts.model import (
    ARTIFACTS,
    CHAMPION_FILE,
    GATE,
    MEASURED,
    METRICS,
    PREPARED,
    REFIT,
    WINNER,
    Champion,
    Metrics,
    Verdict,
    Winner,
)
from pipelines.cost import measured
from pipelines.errors import NotMeasured, OnHold, Rejected
from pipelines.gate import gathering, opponents
from pipelines.gate.acceptance import accepted
from pipelines.gate.behaviours import Behaviours
from pipelines.gate.case import Case
from pipelines.gate.judging import judge
from pipelines.measures.recorded import read_ranks
from pipelines.measures.scores import Window
from pipelines.models.examples import Ints, PreparedData
from pipelines.params import Params

LIVE = "live"
"""The protocol that decides."""


@measured("gate")
def run(params: Params) -> Verdict:
    """Judges the winner and its refit; writes `reports/gate.json`, whatever the verdict.

    Raises:
        BadRecord: A step before has not run.
        NotMeasured: The evaluation is of other families, or of another window.
        BadParameter: behaviours.yaml says something that we do not know.
    """
    winner = storage.read_record(WINNER, Winner)
    _require_listed(params, winner)

    verdict = judge(_case(params, {"judged": ARTIFACTS / winner.family, "refit": REFIT}, winner))

    storage.write_record(GATE, verdict)
    _tell(verdict)
    return verdict


def run_on_artifact(params: Params, folder: Path) -> Verdict:
    """Judges any artifact folder on this clone's prepared data; writes no verdict.

    Raises:
        NotMeasured: This clone has no evaluation to compare with.
        BadParameter: See `run`.
    """
    verdict = judge(_case(params, {"judged": folder}, None))
    _tell(verdict)
    return verdict


def _case(params: Params, folders: Mapping[str, Path], winner: Winner | None) -> Case:
    """Gathers all that the checks look at."""
    found = [gathering.inspected(name, folder) for name, folder in folders.items()]
    window, kind = _window(params), winner.kind if winner else "recipe"
    ranks = _ranks(params, window)
    champion = opponents.opponent(
        storage.read_record(CHAMPION_FILE, Champion),
        kind,
        window,
        params.evaluate.batch,
        params.gate.pooled_refreshes,
    )
    asking = gathering.Asking(
        window=window,
        batch=params.evaluate.batch,
        params=params.gate,
        cases=Behaviours.load().cases,
        timed_beside=opponents.timed_beside,
    )
    judged, *refit = gathering.asked(found, asking)
    return Case(
        kind=kind,
        params=params.gate,
        data=window.data,
        window=window,
        prepared_digest=storage.tree_digest(PREPARED),
        judged=judged,
        refit=refit[0] if refit else None,
        winner=winner,
        ranks=ranks,
        opponent=champion,
        accepted=accepted(window.data),
        estimates=storage.read_record(METRICS, Metrics).test[LIVE],
    )


def enforce(verdict: Verdict) -> None:
    """Nothing when it ships.

    Raises:
        Rejected: The verdict is reject.
        OnHold: The verdict is hold.
    """
    if verdict.verdict != "ship":
        kind = Rejected if verdict.verdict == "reject" else OnHold
        raise kind(_said(verdict), where=_reasons(verdict), hint=f"all checks: {GATE}")


def require_ship(verdict: Verdict) -> None:
    """Nothing when it ships: of an artifact that is judged by itself, a hold is a no, too.

    Raises:
        Rejected: The verdict is reject or hold.
    """
    if verdict.verdict != "ship":
        raise Rejected(
            _said(verdict), where=_reasons(verdict), hint="all checks: the same with --json"
        )


def _said(verdict: Verdict) -> str:
    return f"{verdict.verdict}: {verdict.reason}"


def _reasons(verdict: Verdict) -> list[str]:
    wanted = "fail" if verdict.verdict == "reject" else "undecided"
    return [f"{check.name}: {check.reason}" for check in verdict.checks if check.verdict == wanted]


def _require_listed(params: Params, winner: Winner) -> None:
    """A winner that is no family any more cannot be compared with what `evaluate` wrote down."""
    if winner.family not in params.contenders:
        raise NotMeasured(
            f"the winner, {winner.family}, is not one of the families",
            where=[str(WINNER), "families in params.yaml"],
            hint="run `dvc repro evaluate`: it names a winner among them",
        )


def _tell(verdict: Verdict) -> None:
    for check in verdict.checks:
        if check.verdict in ("fail", "undecided"):
            progress.log(f"{check.verdict}: {check.name} = {check.value}: {check.reason}")
    progress.log(f"{verdict.verdict} {verdict.winner}: {verdict.reason}")


def _window(params: Params) -> Window:
    from pipelines.models import engine  # late: who only enforces a verdict needs no TensorFlow

    engine.make_repeatable(params.fit.seed, params.fit.threads)
    data = PreparedData.load(PREPARED)
    return Window.of(data, data.window("test"), params)


def _ranks(params: Params, window: Window) -> Mapping[str, Ints]:
    """What `evaluate` recorded of each family on this very window."""
    ranks: dict[str, Ints] = {}
    for family in params.contenders:
        if not (MEASURED / f"{family}.parquet").is_file():
            raise NotMeasured(
                f"there is no evaluation of {family} to compare with",
                where=[str(MEASURED)],
                hint="run `dvc repro evaluate`",
            )
        rows, ranks[family] = read_ranks(MEASURED, family)
        if len(rows) != len(window.rows) or (rows != window.rows).any():
            raise NotMeasured(
                f"the evaluation of {family} is of another window",
                where=[str(MEASURED)],
                hint="run `dvc repro evaluate`",
            )
    return ranks
