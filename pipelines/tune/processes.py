"""A trial's process seen from outside: told of its epochs, ended when it is hopeless or late."""

import contextlib
import json
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Literal, cast

from pipelines import storage
from pipelines.contracts.tune import Outcome
from pipelines.state.last_words import tail
from pipelines.tune.trial import ERROR, OUTCOME

Stopped = Literal["hopeless", "late"]
MAX_REASON = 200  # characters


class TrialError(Exception):
    """The setting cannot be fitted or scored; the message says why."""


@dataclass(frozen=True)
class Command:
    """A trial's command line, and the folder that it works in."""

    words: Sequence[str]
    folder: Path


def command(family: str, folder: Path) -> Command:
    """The command that tries the setting of a folder, see `tune.trial`."""
    return Command((sys.executable, "-m", "pipelines.tune.trial", family, str(folder)), folder)


def run_trial(
    started: Command, log: Path, seconds: float, is_hopeless: Callable[[int, float], bool]
) -> Outcome | Stopped:
    """Tries a setting in a process of its own, which never outlives this call.

    Args:
        started: What is run.
        log: Where its stderr goes.
        seconds: It is ended after that long.
        is_hopeless: Asked after each epoch; true ends it.

    Raises:
        TrialError: It failed by itself.
    """
    deadline = time.monotonic() + seconds
    with log.open("wb") as stderr, _process(started.words, stderr) as (process, stdout):
        for line in _lines(stdout, deadline):
            if line is None:
                return "late"
            if is_hopeless(*json.loads(line)):
                return "hopeless"
        code = process.wait()
    if code != 0:
        raise TrialError(_reason(started.folder, log, code))
    return storage.read_record(started.folder / OUTCOME, Outcome)


def _lines(stdout: IO[bytes], deadline: float) -> Iterator[bytes | None]:
    """What it prints, until it closes its stdout; None at the deadline."""
    lines: queue.Queue[bytes | None] = queue.Queue()
    threading.Thread(target=_pump, args=(stdout, lines), daemon=True).start()
    try:
        while line := lines.get(timeout=max(0.0, deadline - time.monotonic())):
            yield line
    except queue.Empty:
        yield None


@contextlib.contextmanager
def _process(
    words: Sequence[str], stderr: IO[bytes]
) -> Iterator[tuple["subprocess.Popen[bytes]", IO[bytes]]]:
    """The process, in a group of its own, so that Ctrl-C reaches us first; ended with the block."""
    with subprocess.Popen(
        words,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=stderr,
        start_new_session=True,
    ) as process:
        try:
            yield process, cast("IO[bytes]", process.stdout)
        finally:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)


def _pump(source: IO[bytes], into: "queue.Queue[bytes | None]") -> None:
    for line in source:
        into.put(line)
    into.put(None)


def _reason(folder: Path, log: Path, code: int) -> str:
    if (folder / ERROR).exists():
        error = storage.read_json(folder / ERROR)
        return str(error["message"])
    said = tail(log.read_text(encoding="utf-8", errors="replace"), 1)
    return f"exit code {code}: {' '.join(said)[:MAX_REASON]}"
