"""One deployer at a time: the lock, and the fence against one that wakes up late.

A deployer holds its turn from first to last. One that is stopped (SIGSTOP, Ctrl-Z) loses it to the
next that comes; when it wakes, the record's epoch has moved on, and it may write nothing more. So
each write is made under a second lock, together with the look at the epoch.
"""

import re
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import psutil

from pipelines import processes, storage
from pipelines.errors import LockHeld
from pipelines.home import Home
from pipelines.progress import log
from pipelines.rollout import record

WRITE_SECONDS = 5.0
POLL_SECONDS = 0.02
_HOLDER = re.compile(r"pid (\d+),")


@contextmanager
def turn(home: Home, verb: str) -> Iterator[None]:
    """Holds the deployer's turn while the block runs.

    Raises:
        LockHeld: Another deployer is at work.
    """
    path = home.locks / "deployment.lock"
    with ExitStack() as stack:
        try:
            stack.enter_context(storage.lock(path, verb))
        except LockHeld:
            _set_aside(home, path, verb)
            stack.enter_context(storage.lock(path, verb))
        yield


@contextmanager
def write_turn(home: Home) -> Iterator[None]:
    """Holds the right to act while the block runs; waits a little for another's act.

    Raises:
        LockHeld: Somebody acts for long, or was stopped in the middle of an act.
    """
    path = home.locks / "deployment-write.lock"
    deadline = time.monotonic() + WRITE_SECONDS
    with ExitStack() as stack:
        while True:
            try:
                stack.enter_context(storage.lock(path, "an act of deployment"))
                break
            except LockHeld:
                if time.monotonic() > deadline:
                    raise
            time.sleep(POLL_SECONDS)
        yield


def _set_aside(home: Home, path: Path, verb: str) -> None:
    """Takes the lock file from a holder that is stopped; a new one takes its place.

    The epoch moves on first: from here on the holder, should it wake, may write nothing.
    """
    with storage.lock(path.with_name("takeover.lock"), verb):
        # Read again: somebody else may have taken it meanwhile.
        found = _HOLDER.match(path.read_text()) if path.exists() else None
        holder = processes.alive(int(found[1])) if found else None
        if holder is not None and holder.status() == psutil.STATUS_STOPPED:
            log(f"the deployer with pid {holder.pid} is stopped: this one takes its turn")
            with write_turn(home):
                known = record.read(home)
                newer = known.model_copy(update={"epoch": known.epoch + 1})
                storage.write_record(home.deployment, newer)
            path.unlink()
