"""The deployer's turn, with a real process that holds it and is stopped."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipelines.errors import LockHeld
from pipelines.home import Home
from pipelines.rollout import record
from pipelines.rollout.turn import turn, write_turn
from tests.integration.running import home_at, wait_until

HOLD = """
import sys, time
from pathlib import Path
from pipelines.home import Home
from pipelines.rollout import turn
with getattr(turn, sys.argv[2])(Home(Path(sys.argv[1])), *sys.argv[3:]):
    print("held", flush=True)
    time.sleep(300)
"""


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return home_at(tmp_path)


@pytest.fixture
def holder(home: Home, request: pytest.FixtureRequest) -> Iterator["subprocess.Popen[str]"]:
    """A process that holds the turn, or what the test's parameter names."""
    words = getattr(request, "param", ["turn", "deploy"])
    command = [sys.executable, "-c", HOLD, str(home.path), *words]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    yield process
    process.kill()
    process.wait()


def stop(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGSTOP)
    wait_until(
        lambda: psutil.Process(process.pid).status() == psutil.STATUS_STOPPED, "it is stopped"
    )


def test_deployer_at_work_keeps_its_turn(home: Home, holder: "subprocess.Popen[str]") -> None:
    with pytest.raises(LockHeld, match=f"pid {holder.pid}, deploy"), turn(home, "rollback"):
        pass


def test_deployer_that_is_stopped_loses_its_turn(
    home: Home, holder: "subprocess.Popen[str]"
) -> None:
    stop(holder)

    with turn(home, "rollback"):
        assert record.read(home).epoch == 1  # what the holder begins when it wakes is fenced off
        with pytest.raises(LockHeld, match="rollback"), turn(home, "deploy"):
            pass
        holder.send_signal(signal.SIGCONT)
        with pytest.raises(LockHeld, match="rollback"), turn(home, "deploy"):
            pass


def test_dead_deployer_has_no_turn(home: Home, holder: "subprocess.Popen[str]") -> None:
    holder.kill()
    holder.wait()

    with turn(home, "rollback"):
        assert "rollback" in (home.locks / "deployment.lock").read_text()


@pytest.mark.parametrize("holder", [["write_turn"]], indirect=True)
def test_deployer_stopped_in_the_middle_of_an_act_holds_the_others_up(
    home: Home, holder: "subprocess.Popen[str]"
) -> None:
    stop(holder)

    with pytest.raises(LockHeld, match=f"pid {holder.pid}"), write_turn(home):
        pass
