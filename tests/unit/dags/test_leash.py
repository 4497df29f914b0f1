import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tandem_dags import leash

PATIENCE_SECONDS = 10
SLEEP = "import time; time.sleep(60)"
FAMILY = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {SLEEP!r}])"


def start(*command: str) -> subprocess.Popen[bytes]:
    words = [sys.executable, str(leash.__file__), str(os.getpid()), *command]
    return subprocess.Popen(words)


def descendants(process: subprocess.Popen[bytes], count: int) -> list[psutil.Process]:
    """The processes below, once there are so many."""
    found: list[psutil.Process] = []
    while len(found) < count and process.poll() is None:
        found = psutil.Process(process.pid).children(recursive=True)
    return found


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        pytest.param("raise SystemExit(99)", 99, id="an exit code"),
        pytest.param("import os; os.kill(os.getpid(), 9)", 137, id="a signal"),
    ],
)
def test_leash_ends_as_its_command_does(code: str, expected: int) -> None:
    assert start(sys.executable, "-c", code).wait(PATIENCE_SECONDS) == expected


def test_terminating_the_leash_ends_the_command_and_its_children() -> None:
    process = start(sys.executable, "-c", FAMILY)
    family = descendants(process, 2)

    process.terminate()

    assert process.wait(PATIENCE_SECONDS) == 128 + signal.SIGTERM
    assert psutil.wait_procs(family, PATIENCE_SECONDS)[1] == []


def test_children_of_a_killed_command_do_not_outlive_it() -> None:
    process = start(sys.executable, "-c", FAMILY)
    family = descendants(process, 2)

    family[0].kill()

    assert process.wait(PATIENCE_SECONDS) == 128 + signal.SIGKILL
    assert psutil.wait_procs(family, PATIENCE_SECONDS)[1] == []


def test_a_command_does_not_outlive_the_process_that_started_its_leash(tmp_path: Path) -> None:
    starter = tmp_path / "starter.py"
    starter.write_text(
        "import os, subprocess, sys\n"
        f"leash = [sys.executable, {leash.__file__!r}, str(os.getpid())]\n"
        f"subprocess.run([*leash, sys.executable, '-c', {FAMILY!r}])\n"
    )
    process = subprocess.Popen([sys.executable, str(starter)])
    family = descendants(process, 3)

    process.kill()
    process.wait(PATIENCE_SECONDS)

    assert psutil.wait_procs(family, PATIENCE_SECONDS)[1] == []
