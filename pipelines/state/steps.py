"""A step of a run: a verb or a DVC stage in the run's clone, with that verb's own exit code."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import psutil

from pipelines import disk, processes, storage
from pipelines.contracts.state import Run, Step
from pipelines.errors import LockHeld, OutOfMemory, StepKilled, TandemError
from pipelines.home import Home
from pipelines.progress import log
from pipelines.state import clone, dvc, partitions, record
from pipelines.state.repository import Repository

STAGES = ("prepare", "train", "evaluate", "refit", "gate")
BEFORE_COMMIT = ("ingest", "validate", *STAGES)
ERROR_FILE = Path("var/error.json")
BUG = 1
SHELL_SIGNAL = 128
MARK = "TANDEM_AT_WORK"
"""In the environment of every process that works for a run: which one."""


def run(home: Home, run: Run, verb: str, args: Sequence[str]) -> int:
    """Runs the step and notes it in the run's record; a killed one runs again from where it was.

    Raises:
        OutOfMemory, StepKilled: It was ended from outside.
        DiskFull: It was ended by the file size limit.
        DvcFailed: DVC failed before or after the verb.
        LockHeld: A living Git or DVC process holds a lock of the clone, or a process of a former
            step does not end.
    """
    make_ready(home, run)
    started = Step(verb=verb, args=list(args), started_at=_now())
    record.write(home, run.model_copy(update={"steps": [*run.steps, started]}))
    code = BUG
    try:
        code = _stage(home, run, verb, args) if verb in STAGES else _verb(run, verb, args)
    except TandemError as error:
        code = error.exit_code
        raise
    finally:
        ended = started.model_copy(update={"ended_at": _now(), "exit_code": code})
        record.write(home, run.model_copy(update={"steps": [*run.steps, ended]}))
    return code


@contextmanager
def marked(home: Home, run_id: str) -> Iterator[None]:
    """While the block runs, every process that we start says for which run it works."""
    marks = {"TANDEM_HOME": str(home.path), "TANDEM_RUN_ID": run_id, MARK: run_id}
    before = {name: os.environ.get(name) for name in marks}
    os.environ.update(marks)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def make_ready(home: Home, run: Run) -> None:
    """Clears what a killed step left: processes that nobody waits for, and locks."""
    _end_orphans(home, run)
    storage.sweep(record.path_of(home, run.id))
    Repository(Path(run.path)).take_over()
    dvc.repair_locks(Path(run.path))


def _stage(home: Home, run: Run, verb: str, args: Sequence[str]) -> int:
    path = Path(run.path)
    partitions.track(home, path, [report.key for report in partitions.own(path)])
    clone.complete_data(home, path)
    clone.check_reused(home, path)
    words = ("repro", "--no-run-cache", verb, *args)  # that cache gives outputs back unchecked
    code, said = dvc.stream(path, words, _error_file(run))
    if code == 0:
        return 0
    told = _told(path)
    if told is not None:
        return told
    inner = dvc.exit_code_in(said)
    if inner is None:
        raise dvc.failure(words, said, path, code)
    return _own(inner, verb, path)


def _verb(run: Run, verb: str, args: Sequence[str]) -> int:
    command = [sys.executable, "-m", "pipelines", verb, *args]
    environment = dvc.environment(_error_file(run))
    done = subprocess.run(
        command, cwd=run.path, env=environment, stdin=subprocess.DEVNULL, check=False
    )
    return _own(done.returncode, verb, Path(run.path))


def _error_file(run: Run) -> dict[str, str]:
    """Where the verb is to write its error: a new file, which is not there yet."""
    path = Path(run.path) / ERROR_FILE
    path.unlink(missing_ok=True)
    return {"TANDEM_ERROR_FILE": str(path)}


def _told(path: Path) -> int | None:
    """The exit code that the verb wrote down: DVC swallows it."""
    if not (path / ERROR_FILE).exists():
        return None
    return int(storage.read_json(path / ERROR_FILE)["exit_code"])


def _own(code: int, verb: str, path: Path) -> int:
    """An exit code of ours; a signal becomes an error."""
    number = -code if code < 0 else code - SHELL_SIGNAL
    if code >= 0 and not 0 < number < signal.NSIG:
        return code
    if number == signal.SIGKILL:
        memory = f"{psutil.virtual_memory().total / 1e9:.0f} GB"
        raise OutOfMemory(
            f"{verb} was killed, in general for lack of memory (the machine has {memory})",
            hint="train on less: smaller `multitask.batch_pages` or `embedding_dim`; then run the "
            "same again, it goes on where it was",
        )
    if number == signal.SIGXFSZ:
        raise disk.fault(errno.EFBIG, path)
    raise StepKilled(
        f"{verb} was ended by {signal.Signals(number).name}", hint="run the same again to go on"
    )


def _end_orphans(home: Home, run: Run) -> None:
    """Ends processes of this run's former steps: we have its lock, so nobody waits for them.

    Raises:
        LockHeld: One does not end, so that it may still write.
    """
    for process in _orphans(home, run):
        log(f"ending pid {process.pid}, left by a killed step of run {run.id}")
    left = processes.end_all(lambda: _orphans(home, run))
    if left:
        raise LockHeld(
            f"a killed step of run {run.id} left a process that does not end",
            where=[f"pid {process.pid}" for process in left],
            hint="wait until it ends (a frozen disk?), then run the same again",
        )


def _orphans(home: Home, run: Run) -> list[psutil.Process]:
    """Other processes that work for the run; never one that has started us."""
    parents = psutil.Process().parents()
    marks = {"TANDEM_HOME": str(home.path), MARK: run.id}
    return [process for process in processes.with_variables(marks) if process not in parents]


def _now() -> str:
    return storage.rfc3339(storage.now_utc())
