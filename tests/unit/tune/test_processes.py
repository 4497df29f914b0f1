import json
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from pipelines.contracts.model import UserGains
from pipelines.contracts.tune import Outcome
from pipelines.processes import wait_until
from pipelines.tune import trial
from pipelines.tune.processes import Command, TrialError, run_trial

OUTCOME = Outcome(metrics={"ndcg_at_10": 0.25}, users=UserGains(n_events=[1, 1], gains=[0.5, 0.0]))
FOREVER = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(600)"


def never(epoch: int, value: float) -> bool:
    return False


def attempt(
    folder: Path,
    program: str,
    seconds: float = 60.0,
    is_hopeless: Callable[[int, float], bool] = never,
) -> object:
    """Runs a small program in the place of a fit."""
    words = (sys.executable, "-c", f"import os; os.chdir({str(folder)!r})\n{program}")
    return run_trial(Command(words, folder), folder / "log", seconds, is_hopeless)


def test_the_outcome_of_a_trial_is_what_its_process_wrote(tmp_path: Path) -> None:
    content = OUTCOME.model_dump_json()

    assert attempt(tmp_path, f"open('outcome.json', 'w').write({content!r})") == OUTCOME


def test_each_epoch_is_asked_about_until_one_is_hopeless(tmp_path: Path) -> None:
    told: list[tuple[int, float]] = []

    def is_hopeless(epoch: int, value: float) -> bool:
        told.append((epoch, value))
        return value < 0.2

    program = f"for row in ([1, .3], [2, .1], [3, .5]): print(row, flush=True)\n{FOREVER}"

    assert attempt(tmp_path, program, is_hopeless=is_hopeless) == "hopeless"
    assert told == [(1, 0.3), (2, 0.1)]


def test_a_trial_that_takes_too_long_is_ended_with_its_children(tmp_path: Path) -> None:
    program = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {FOREVER!r}])\n"
    program += "import time; time.sleep(600)"

    assert attempt(tmp_path, program, seconds=3.0) == "late"
    child = int((tmp_path / "pid").read_text())
    assert wait_until(lambda: not _runs(child), 10.0)


def test_an_error_of_ours_is_the_reason_of_a_failed_trial(tmp_path: Path) -> None:
    (tmp_path / "error.json").write_text(json.dumps({"message": "the loss is NaN"}))

    with pytest.raises(TrialError, match=r"^the loss is NaN$"):
        attempt(tmp_path, "raise SystemExit(4)")


def test_a_crash_is_told_by_its_last_words(tmp_path: Path) -> None:
    with pytest.raises(TrialError, match="exit code 1: ZeroDivisionError"):
        attempt(tmp_path, "1 / 0")


def test_a_trial_dies_with_whoever_started_it() -> None:
    """Killed outright, a search cannot end its trial: the trial sees its stdin close."""
    watcher = (
        "import threading, time; from pipelines.tune.trial import _die_with_parent as watch;"
        "threading.Thread(target=watch).start(); print('ready', flush=True); time.sleep(600)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", watcher], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()
        start = time.monotonic()

        process.stdin.close()

        assert process.wait(timeout=30) == trial.ORPHANED
        assert time.monotonic() - start < 30


def _runs(pid: int) -> bool:
    try:
        return psutil.Process(pid).status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False
