"""What `tandem doctor` says of locks, ports, programs and parameters: every fault is caused."""

import fcntl
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest

from pipelines import processes, storage
from pipelines.contracts.doctor import Finding
from pipelines.doctor import step as doctor
from pipelines.doctor.findings import made
from pipelines.home import Home
from pipelines.state import runs
from pipelines.supervisor import Program, Supervisor
from tests.integration import small_state
from tests.integration.running import free_ports, wait_until


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home as `init` makes it, with one run's clone, and cwd in the repository beside it."""
    made_home = small_state.make(tmp_path, monkeypatch).home
    storage.write_record(made_home.ports, free_ports())
    runs.open_run(made_home, "open")
    return made_home


def found(name: str) -> Finding:
    """What one check finds in the home that is set."""
    return next(made(one) for one in doctor.checks(Home.find(), deep=False) if one.name == name)


# --- locks


def test_locks_without_a_holder_are_named_and_only_repair_removes_them(home: Home) -> None:
    clone = home.runs / "open"
    stale = [home.state_repo / "packed-refs.lock", clone / ".git" / "index.lock"]
    table = clone / ".dvc/tmp/rwlock"
    table.parent.mkdir(exist_ok=True)
    for path in (*stale, table):
        path.write_bytes(b"")

    seen = found("stale locks")
    assert (seen.verdict, all(path.exists() for path in (*stale, table))) == ("warn", True)
    diagnosis = doctor.run(deep=False, repair=True)

    assert sorted(diagnosis.repaired) == sorted(str(path) for path in (*stale, table))
    assert not any(path.exists() for path in (*stale, table))
    assert found("stale locks").verdict == "ok"


def test_a_lock_with_a_living_holder_is_not_stale_and_survives_repair(home: Home) -> None:
    clone = home.runs / "open"
    table = clone / ".dvc/tmp/rwlock"
    table.parent.mkdir(exist_ok=True)
    with sleeping(clone) as holder:
        table.write_text(json.dumps({"write": {"x": {"pid": holder.pid, "cmd": "dvc"}}}))

        diagnosis = doctor.run(deep=False, repair=True)

        assert diagnosis.repaired == []
        assert table.exists()
        assert {one.name: one.verdict for one in diagnosis.checks}["stale locks"] == "ok"


@contextmanager
def sleeping(folder: Path) -> Iterator["subprocess.Popen[bytes]"]:
    process = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], cwd=folder)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def test_a_held_lock_is_shown_with_its_holder(home: Home) -> None:
    with storage.lock(home.locks / "deploy.lock", "deploy"):
        seen = found("locks")

    assert seen.verdict == "ok"
    assert f"deploy (pid {os.getpid()}, deploy, since" in seen.detail
    assert found("locks").detail == "none is held"


def test_a_lock_that_a_child_of_the_dead_holds_fails(home: Home) -> None:
    path = home.locks / "deploy.lock"
    path.write_text("pid 4194999, deploy, since 2026-01-01T00:00:00Z\n")

    with path.open("r+b") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        seen = found("locks")

    assert seen.verdict == "fail"
    assert "which is gone" in seen.detail


# --- services


def test_a_port_that_a_stranger_holds_fails_with_setting_and_process(home: Home) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        record = storage.read_json(home.ports)
        storage.write_json(home.ports, {**record, "gateway": port})

        seen = found("ports")

    assert seen.verdict == "fail"
    assert f"{port} of gateway is in use by pid {os.getpid()}" in seen.detail
    assert "up.gateway_port" in seen.hint


def test_a_program_that_does_not_run_and_a_port_of_ours_are_told_apart(home: Home) -> None:
    port = storage.read_json(home.ports)["blue"]
    listens = (sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(port))
    dies = (sys.executable, "-c", "raise SystemExit(1)")
    supervisor = Supervisor(home)
    supervisor.write(Program("blue", listens, home.path))
    supervisor.write(Program("green", dies, home.path, retries=0))
    supervisor.launch()
    try:
        wait_until(lambda: service_state(supervisor, "green") == "FATAL", "green has given up")
        wait_until(lambda: service_state(supervisor, "blue") == "RUNNING", "blue runs")
        wait_until(lambda: "1 in use by us" in found("ports").detail, "blue listens")

        seen = found("services")

        assert (seen.verdict, seen.detail) == ("fail", "not running: green FATAL")
        assert str(home.logs / "green.log") in seen.hint

        supervisor.retire("green")  # as a rollback does with the slot that it leaves

        assert found("services").detail == "1 running and healthy"
    finally:
        supervisor.shutdown()
    assert found("services").detail == "down"


def service_state(supervisor: Supervisor, name: str) -> str | None:
    service = supervisor.service(name)
    return service.state if service else None


def test_programs_of_a_dead_supervisor_are_orphans(home: Home) -> None:
    supervisor = Supervisor(home)
    sleeps = (sys.executable, "-c", "import time; time.sleep(600)")
    supervisor.write(Program("blue", sleeps, home.path))
    supervisor.launch()
    try:
        wait_until(lambda: service_state(supervisor, "blue") == "RUNNING", "blue runs")
        assert found("orphans").verdict == "ok"
        blue = supervisor.service("blue")
        assert blue is not None

        pid = supervisor.pid()
        assert pid is not None
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: processes.alive(pid) is None, "the supervisor is dead")

        seen = found("orphans")
        assert (seen.verdict, seen.hint) == ("fail", "run `tandem up`")
        assert str(blue.pid) in seen.detail
        assert psutil.pid_exists(blue.pid or 0)
    finally:
        supervisor.clear()
    assert found("orphans").verdict == "ok"


# --- parameters


def test_parameters_that_are_not_understood_fail_by_key(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    params = Path("params.yaml")
    params.write_text(params.read_text().replace("  l2:", "  l3:"))

    seen = found("parameters")

    assert seen.verdict == "fail"
    assert "unknown key cf.l3" in seen.detail


def test_elsewhere_the_parameters_of_the_state_count(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)

    assert found("parameters").verdict == "ok"
