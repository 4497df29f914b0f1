"""One run from its clone to its commit: open, step, commit. Every one may be done twice."""

import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from pipelines import storage
from pipelines.contracts.state import Committed, Run
from pipelines.errors import GitFailed, RunCommitted, UsageError
from pipelines.home import Home
from pipelines.progress import log
from pipelines.state import champion, clone, commits, leftovers, record, settings, steps
from pipelines.state.repository import MAIN, Repository

KIND_VARIABLE, RECIPE = "TANDEM_RUN_KIND", "recipe"


def open_run(home: Home, run_id: str, airflow_run_id: str | None = None) -> Run:
    """Clones the state for a run and writes what kind of run it is; a run that is open stays.

    A broken clone is thrown away and made again. TANDEM_RUN_KIND=recipe asks for a recipe run.
    A new run takes the place of old ones: clones beyond `state.keep_runs` are removed.

    Raises:
        RunName: The name cannot be a folder and a branch.
        UsageError: TANDEM_RUN_KIND is something else.
        StateDamaged: The state repository cannot be read.
    """
    record.check_name(run_id)
    with _alone(home, run_id, "run open"):
        path = home.runs / run_id
        former = record.find(home, run_id) if record.path_of(home, run_id).exists() else None
        if former is not None and clone.is_whole(path):
            log(f"run {run_id} is open already")
            return former
        if path.exists():
            log(f"{path} is not a whole clone: made again")
            shutil.rmtree(path)
        if former is not None and former.commit is not None:
            _reopen(home, former)
            return former
        with clone.state_diagnosed(home):
            run = _open(home, run_id, airflow_run_id)
        leftovers.clear(home, settings.keep_runs(home, run.base))
        return run


def step(home: Home, run_id: str, verb: str, args: Sequence[str] = ()) -> int:
    """Runs a verb or a DVC stage in the run's clone; its own exit code.

    Raises:
        UnknownRun: The run was not opened.
        RunCommitted: The run is committed, and the verb belongs before the commit.
        LockHeld: Another process works in this run.
        CloneDamaged, StateDamaged: A repository is broken; which one, and the way back.
    """
    with _alone(home, run_id, f"run step {verb}"):
        run = record.find(home, run_id)
        if run.commit is not None and verb in steps.BEFORE_COMMIT:
            raise RunCommitted(
                f"run {run_id} is committed already, as {run.commit[:12]}",
                hint="open a new run to do more",
            )
        with clone.diagnosed(home, Path(run.path)):
            return steps.run(home, run, verb, args)


def commit(home: Home, run_id: str) -> Committed:
    """Pushes the run's data, then its commit and tags at once; a second time it only says so.

    Raises:
        RunRefused, NothingToCommit: There is nothing that may be committed.
        PartitionTaken, AlreadyAccepted: Another run accepted the same KEY first.
        RemoteUnreachable, PushRejected: Nothing was published.
        CloneDamaged, StateDamaged: A repository is broken; which one, and the way back.
    """
    with _alone(home, run_id, "run commit"):
        run = record.find(home, run_id)
        with clone.diagnosed(home, Path(run.path)):
            steps.make_ready(home, run)
            done = commits.commit(home, run)
        changes = {"commit": done.commit, "branch": done.branch, "tags": done.tags}
        record.write(home, run.model_copy(update=changes))
        Repository(home.state_repo).clear_locks()
        return done


def _open(home: Home, run_id: str, airflow_run_id: str | None) -> Run:
    path = home.runs / run_id
    base = Repository(home.state_repo).resolve(MAIN)
    if base is None:
        raise GitFailed(f"it has no branch `{MAIN}`", where=[str(home.state_repo)])
    live = champion.current(home)
    run_file, reason = champion.plan(home, base, live, is_recipe_asked=_is_recipe_asked())
    made = clone.make(home, path)
    base = made.git("rev-parse", "HEAD").strip()
    for name, content in champion.files(run_file, live).items():
        storage.write_atomic(path / name, content)
    run = Run(
        id=run_id,
        path=str(path),
        base=base,
        kind=run_file.kind,
        reason=reason,
        airflow_run_id=airflow_run_id,
        opened_at=storage.rfc3339(storage.now_utc()),
    )
    log(f"run {run_id}: {run.kind}, {reason}; clone of {base[:12]} in {path}")
    return record.write(home, run)


def _reopen(home: Home, run: Run) -> None:
    """The clone of a committed run, at its commit."""
    made = clone.make(home, Path(run.path), run.branch or MAIN)
    made.git("reset", "--hard", "--quiet", str(run.commit))


def _is_recipe_asked() -> bool:
    """Whether TANDEM_RUN_KIND asks for a recipe run; a refresh cannot be had by asking."""
    asked = os.environ.get(KIND_VARIABLE)
    if asked and asked != RECIPE:
        raise UsageError(
            f"{KIND_VARIABLE} = {asked[:80]!r} is not known",
            hint=f"{RECIPE}, or leave it unset: what has changed decides",
        )
    return asked == RECIPE


@contextmanager
def _alone(home: Home, run_id: str, verb: str) -> Iterator[None]:
    lock = record.lock_of(home, record.check_name(run_id))
    with storage.lock(lock, verb), steps.marked(home, run_id):
        yield
