"""A run's one commit, by compare-and-swap: data to the DVC remote first, then all refs at once."""

import time
from datetime import datetime
from pathlib import Path

from pipelines import disk, storage
from pipelines.contracts.data import PartitionReport
from pipelines.contracts.model import GATE, Verdict
from pipelines.contracts.state import Committed, Run
from pipelines.errors import (
    DvcFailed,
    InputRefused,
    NothingToCommit,
    PushRejected,
    RemoteUnreachable,
    RunRefused,
    places,
)
from pipelines.home import Home
from pipelines.progress import log
from pipelines.state import dvc, partitions
from pipelines.state.clone import data_of, stored_of
from pipelines.state.objects import Objects
from pipelines.state.repository import MAIN, Repository
from pipelines.state.steps import STAGES

TRIES = 5
RUN, VERDICT, AIRFLOW_RUN = "Tandem-Run", "Tandem-Verdict", "Airflow-Run"
"""Trailers of a run's commit."""
PRODUCED = (":(exclude)data", ":(exclude)artifacts")
"""What DVC stores; a stage that failed may have left some that it does not know."""
IGNORED = (Path("data/.gitignore"), Path("artifacts/.gitignore"))
REPLAY = "refs/tandem/replay"
"""In the clone, while another run's commit is put under the run's own: the own one, whole."""
OTHER_PUSH_SECONDS = 10.0
"""How long a push that another run's push kept out waits for that one to end."""


def commit(home: Home, run: Run) -> Committed:
    """The run's commit in the state repository; one that an earlier try pushed is found again.

    Raises:
        RunRefused, NothingToCommit: There is nothing that may be committed.
        PartitionTaken, AlreadyAccepted: Another run accepted the same KEY first.
        RemoteUnreachable, PushRejected: Nothing was published.
        DiskFull, NotWritable, DiskError: Nothing was published, and nothing half-written counts.
        LockHeld: A Git process that hangs holds a lock of the state; it is named.
    """
    clone, mine = Repository(Path(run.path)), None
    for _ in range(TRIES):
        theirs = _fetch_main(clone)
        published = find_published(home, run.id)
        if published is not None:
            return published
        mine = _own_commit(home, run, mine, theirs)
        _push_data(home, clone, run)
        branch, tags = _branch(clone, run, mine, theirs), _data_tags(clone, mine)
        refs = [f"{mine}:refs/heads/{branch}", *(f"{mine}:refs/tags/{tag}" for tag in tags)]
        if clone.push(*refs):
            log(f"pushed {mine[:12]} to {branch}" + (f" with {places(tags)}" if tags else ""))
            return Committed(id=run.id, commit=mine, branch=branch, tags=tags, is_new=True)
        log("the push was refused: another run was first, or a killed one left its lock")
        _wait_for_other_push(Repository(home.state_repo), theirs)
    raise PushRejected(
        f"{TRIES} times another run pushed first", hint="run the same again when it is quieter"
    )


def _wait_for_other_push(state: Repository, theirs: str) -> None:
    """Until the other run's push has ended: trying again in the middle of it loses again.

    Raises:
        LockHeld: It does not end; it is named.
    """
    deadline = time.monotonic() + OTHER_PUSH_SECONDS
    while state.resolve(MAIN) == theirs and state.clear_locks():
        if time.monotonic() > deadline:
            state.take_over()
        time.sleep(0.05)


def find_published(home: Home, run_id: str) -> Committed | None:
    """The commit of a run in the state repository, by its trailer."""
    state = Repository(home.state_repo)
    listed = state.git(
        "log",
        "--branches",
        "--fixed-strings",
        f"--grep={RUN}: {run_id}",
        f"--format=%H %(trailers:key={RUN},valueonly,separator=%x2C)",
    )
    for line in listed.splitlines():
        commit, _, named = line.partition(" ")
        if named == run_id:
            on_main = state.ask("merge-base", "--is-ancestor", commit, MAIN) is not None
            branch = MAIN if on_main else f"runs/{run_id}"
            tags = [tag for tag in state.tags_at(commit) if tag.startswith("data/")]
            return Committed(id=run_id, commit=commit, branch=branch, tags=tags, is_new=False)
    return None


def run_of(repository: Repository, commit: str) -> str | None:
    """The run that made a commit, if one did."""
    return trailer(repository, commit, RUN)


def trailer(repository: Repository, commit: str, name: str) -> str | None:
    """What a commit's message says under a name at its end."""
    words = ("log", "-1", f"--format=%(trailers:key={name},valueonly,separator=%x2C)", commit)
    return repository.git(*words).strip() or None


def _check(run: Run) -> None:
    """Refuses a run that may not be committed."""
    validated = run.last("validate")
    if validated is not None and validated.exit_code != 0:
        refused = validated.exit_code == InputRefused.exit_code
        raise (RunRefused if refused else NothingToCommit)(
            f"validate ended with {validated.exit_code}: nothing of run {run.id} is committed",
            hint="the partition's page in the home's validation/ says why",
        )
    if validated is None and not _trained(run):
        raise NothingToCommit(
            f"run {run.id} has neither accepted data nor trained",
            hint=f"tandem run step {run.id} ingest, then validate; or prepare … gate",
        )


def _trained(run: Run) -> bool:
    lasts = (run.last(stage) for stage in STAGES)
    return any(step is not None and step.exit_code == 0 for step in lasts)


def _own_commit(home: Home, run: Run, mine: str | None, theirs: str) -> str:
    """The run's commit in its clone; made from what lies there, or an ingestion's put on top.

    Safe to repeat after a kill at any point: either the clone's files are complete, whatever HEAD
    is, or REPLAY says what they are made from.
    """
    clone = Repository(Path(run.path))
    if mine is None:
        _check(run)
        if (left := clone.resolve(REPLAY)) is not None:
            return _replay(home, run, left, theirs)
        if run_of(clone, "HEAD") == run.id:
            clone.git("reset", "--soft", "HEAD~1")
        mine = _make(home, run)
    is_on_top = clone.resolve(f"{mine}~1") == theirs
    return mine if is_on_top or _trained(run) else _replay(home, run, mine, theirs)


def _make(home: Home, run: Run) -> str:
    clone = Repository(Path(run.path))
    accepted = partitions.own(clone.path)
    partitions.track(home, clone.path, [report.key for report in accepted])
    message = _message(clone, run, accepted)
    clone.git("add", "--all", "--", ".", *PRODUCED)
    if pointers := _pointers(clone.path):
        clone.git("add", "--force", "--", *pointers)
    clone.git("commit", "--quiet", "--allow-empty", "--cleanup=verbatim", "-m", message)
    return clone.git("rev-parse", "HEAD").strip()


def _pointers(path: Path) -> list[str]:
    """Files of DVC's among what it stores."""
    ignored = [str(name) for name in IGNORED if (path / name).exists()]
    return [f"{name}.dvc" for name in data_of(path)] + ignored


def _replay(home: Home, run: Run, mine: str, theirs: str) -> str:
    """An ingestion's commit anew, on top of what `main` is now."""
    log(f"run {run.id} goes on top of {theirs[:12]}")
    clone = Repository(Path(run.path))
    clone.git("update-ref", REPLAY, mine)
    clone.git("reset", "--hard", "--quiet", theirs)
    partitions.put_back(clone, mine, theirs)
    remade = _make(home, run)
    clone.git("update-ref", "-d", REPLAY)
    return remade


def _fetch_main(clone: Repository) -> str:
    clone.git("fetch", "--quiet", "--no-tags", "origin", f"+refs/heads/{MAIN}:refs/tandem/{MAIN}")
    return clone.git("rev-parse", f"refs/tandem/{MAIN}").strip()


def _branch(clone: Repository, run: Run, mine: str, theirs: str) -> str:
    """`main`; a branch of its own for a training whose base has moved: it names what it read."""
    if clone.resolve(f"{mine}~1") == theirs:
        return MAIN
    if run.last("validate") is not None:
        raise NothingToCommit(
            f"`main` has moved, and run {run.id} both accepted data and trained",
            hint="open a new run",
        )
    return f"runs/{run.id}"


def _data_tags(clone: Repository, mine: str) -> list[str]:
    """Tags of the partitions that the commit accepts."""
    before, ours = partitions.at(clone, f"{mine}~1"), partitions.at(clone, mine)
    changed = [report for key, report in ours.items() if report != before.get(key)]
    return [report.tag for report in changed if report.tag is not None]


def _push_data(home: Home, clone: Repository, run: Run) -> None:
    """Pushes what the commit refers to, sees it there and makes it durable; refs come after.

    Raises:
        RemoteUnreachable: The remote is not there, or did not take all.
        DiskFull, NotWritable, DiskError: Its disk did not take all.
    """
    stored, store = stored_of(clone) if _trained(run) else data_of(clone.path), Objects(home)
    if not home.remote.is_dir():
        raise _unreachable(home)
    names = store.names(stored)
    lacking = store.missing_in_remote(names)
    if lacking:
        disk.require_space(home.remote, store.size(lacking), f"a push of {len(lacking)} objects")
        try:
            dvc.run(clone.path, "push", *stored)
        except DvcFailed as error:
            raise _unreachable(home, *error.where[1:]) from error
    if left := store.missing_in_remote(names):
        raise _unreachable(home, *sorted(left))
    # an earlier try may have pushed them, and been killed before they were durable
    ours = store.pushed_since(names, datetime.fromisoformat(run.opened_at))
    if left := store.unsettled(ours | lacking):
        raise _unreachable(home, *sorted(left))


def _unreachable(home: Home, *places: str) -> RemoteUnreachable:
    return RemoteUnreachable(
        "the DVC remote cannot be written: nothing was committed",
        where=[str(home.remote), *places],
        hint="bring the remote back, then run the same again",
    )


def _message(clone: Repository, run: Run, accepted: list[PartitionReport]) -> str:
    trailers = {RUN: run.id}
    subject = _accepting([(report.tag or "").removeprefix("data/") for report in accepted])
    if _trained(run):
        last = [step.verb for step in run.steps if step.verb in STAGES and step.exit_code == 0][-1]
        subject = subject or f"Train, up to {last}"
        if last == STAGES[-1]:
            verdict = storage.read_record(clone.path / GATE, Verdict)
            subject = f"Train on {verdict.data_version}: {verdict.kind}, {verdict.verdict}"
            trailers[VERDICT] = verdict.verdict
    if run.airflow_run_id:
        trailers[AIRFLOW_RUN] = " ".join(run.airflow_run_id.split())
    return "\n".join([subject, "", *(f"{name}: {value}" for name, value in trailers.items()), ""])


def _accepting(names: list[str]) -> str:
    if len(names) > 1:
        return f"Accept {len(names)} partitions, {min(names)} to {max(names)}"
    return f"Accept {names[0]}" if names else ""
