"""A run's record, `runs/ID.json`: found, written, and what a run's name may be."""

import re
from pathlib import Path

from pipelines import storage
from pipelines.contracts.state import Run
from pipelines.errors import RunName, UnknownRun
from pipelines.home import Home

_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,159}")


def check_name(run_id: str) -> str:
    """The name, if it can be a folder and a part of a Git branch.

    Raises:
        RunName: It cannot.
    """
    is_ref = ".." not in run_id and not run_id.endswith((".", ".lock", ".json", ".tmp"))
    if not _NAME.fullmatch(run_id) or not is_ref:
        raise RunName(
            f"{run_id[:80]!r} is no name for a run",
            hint="letters, digits, `.`, `_` and `-`, up to 160; no `..`, and no `.lock` at the end",
        )
    return run_id


def path_of(home: Home, run_id: str) -> Path:
    """Where the record lies."""
    return home.runs / f"{run_id}.json"


def lock_of(home: Home, run_id: str) -> Path:
    """The lock of whoever works in the run."""
    return home.locks / f"run-{run_id}.lock"


def find(home: Home, run_id: str) -> Run:
    """The record of a run that was opened.

    Raises:
        UnknownRun: There is none of this name.
    """
    path = path_of(home, check_name(run_id))
    if not path.exists():
        raise UnknownRun(
            f"no run {run_id!r} is open in this home",
            where=[str(home.runs)],
            hint=f"tandem run open {run_id}",
        )
    return storage.read_record(path, Run)


def write(home: Home, run: Run) -> Run:
    """Writes the record, and returns it."""
    storage.write_record(path_of(home, run.id), run)
    return run
