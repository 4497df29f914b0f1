"""`gate`: asks the judged, refitted and champion models, runs every check, writes one verdict."""

from collections.abc import Mapping
from pathlib import Path

from pipelines import progress, storage
from pipelines.contracts.model import (
    ARTIFACTS,
    CHAMPION_FILE,
    GATE,
    MEASURED,
    PREPARED,
    REFIT,
    WINNER,
    Champion,
    Verdict,
    Winner,
)
from pipelines.cost import measured
from pipelines.errors import NotMeasured, OnHold, Rejected
from pipelines.gate import gathering
from pipelines.gate.case import Case
from pipelines.gate.judging import judge
from pipelines.measures.recorded import read_ranks
from pipelines.measures.scores import Window
from pipelines.models.examples import Ints, PreparedData
from pipelines.params import Params


@measured("gate")
def run(params: Params) -> Verdict:
    """Judges the winner and its refit; writes `reports/gate.json`, whatever the verdict.

    Raises:
        BadRecord: A step before has not run.
        NotMeasured: The evaluation is of other families, or of another window.
    """
    winner = storage.read_record(WINNER, Winner)
    _require_listed(params, winner)
    window, batch = _window(params), params.evaluate.batch
    ranks = _ranks(params, window)
    live_champion = storage.read_record(CHAMPION_FILE, Champion)
    case = Case(
        kind=winner.kind,
        params=params.gate,
        data=window.data,
        window=window,
        prepared_digest=storage.tree_digest(PREPARED),
        judged=gathering.subject("judged", ARTIFACTS / winner.family, window, batch, True),
        refit=gathering.subject("refit", REFIT, window, batch, False),
        winner=winner,
        ranks=ranks,
        opponent=gathering.opponent(live_champion, winner.kind, window, batch),
    )

    verdict = judge(case)

    storage.write_record(GATE, verdict)
    _tell(verdict)
    return verdict


def run_on_artifact(params: Params, folder: Path) -> Verdict:
    """Judges any artifact folder on this clone's prepared data; writes no verdict.

    Raises:
        NotMeasured: This clone has no evaluation to compare with.
    """
    window, batch = _window(params), params.evaluate.batch
    ranks = _ranks(params, window)
    live_champion = storage.read_record(CHAMPION_FILE, Champion)
    case = Case(
        kind="recipe",
        params=params.gate,
        data=window.data,
        window=window,
        prepared_digest=storage.tree_digest(PREPARED),
        judged=gathering.subject("judged", folder, window, batch, True),
        refit=None,
        winner=None,
        ranks=ranks,
        opponent=gathering.opponent(live_champion, "recipe", window, batch),
    )
    verdict = judge(case)
    _tell(verdict)
    return verdict


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
    data, settings = PreparedData.load(PREPARED), params.evaluate
    rows = data.window("test")
    return Window(data, rows, settings.k, settings.bootstrap_samples, params.fit.seed)


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
