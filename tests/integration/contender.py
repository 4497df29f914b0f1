"""Commits one run at the same moment as others: ready, wait for the start, commit, tell.

`python -m tests.integration.contender RUN` prints `ready`, and commits when its stdin ends.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import NamedTuple

from pipelines.home import Home
from pipelines.state import runs
from tests.integration import small_state

REDONE = "goes on top of"
"""What a run logs when it is put on top of another's commit."""


class Told(NamedTuple):
    """What a contender told when it had ended."""

    code: int
    branch: str | None
    log: str


def all_at_once(run_ids: Sequence[str]) -> list[Told]:
    """Lets all commit at the same moment, each in a process of its own."""
    processes = [_start(run_id) for run_id in run_ids]
    for process in processes:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
    for process in processes:  # the barrier: all have loaded everything
        assert process.stdin is not None
        process.stdin.close()
        process.stdin = None
    return [_told(process) for process in processes]


def _start(run_id: str) -> "subprocess.Popen[str]":
    pipe = subprocess.PIPE
    command = [sys.executable, "-m", "tests.integration.contender", run_id]
    return subprocess.Popen(
        command, cwd=small_state.REPOSITORY, stdin=pipe, stdout=pipe, stderr=pipe, text=True
    )


def _told(process: "subprocess.Popen[str]") -> Told:
    said, log = process.communicate()
    branch = json.loads(said)["branch"] if process.returncode == 0 else None
    return Told(process.returncode, branch, log)


if __name__ == "__main__":
    print("ready", flush=True)
    sys.stdin.read()
    print(runs.commit(Home.find(), sys.argv[1]).model_dump_json())
