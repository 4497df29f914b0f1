"""A real supervisord: start, crash, replacement of one program, and an end that leaves nothing."""

import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pipelines.errors import ServiceDown
from pipelines.home import Home
from pipelines.programs import Program
from pipelines.supervisor import Supervisor, services
from tests.integration.running import home_at, supervised, wait_until

SLEEP = ("sleep", "300")


@pytest.fixture
def home() -> Iterator[Home]:
    """A home whose path is short enough for its socket to be in it."""
    with tempfile.TemporaryDirectory(prefix="home-") as folder:
        yield home_at(Path(folder))


def pid_of(supervisor: Supervisor, name: str) -> int:
    """The pid of a program that runs by now, and is no longer supervisord's fork."""
    pids: list[int] = []

    def runs() -> bool:
        service = supervisor.service(name)
        pids[:] = [service.pid] if service and service.pid else []
        # between fork and exec it has supervisord's command line, and for an instant none
        try:
            words = psutil.Process(pids[0]).cmdline() if pids else []
        except psutil.NoSuchProcess:  # killed, and supervisord has not seen it yet
            return False
        return bool(words) and "supervisor.supervisord" not in words

    wait_until(runs, f"{name} runs")
    return pids[0]


def is_gone(pid: int) -> Callable[[], bool]:
    """A condition: no such process, or only its zombie."""

    def gone() -> bool:
        try:
            return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
        except psutil.NoSuchProcess:
            return True

    return gone


def test_program_gets_its_environment_and_nothing_of_one_run(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_RUN_ID", "some-run")
    program = Program("one", SLEEP, home.path, {"GREETING": 'a "b", c=%d'.replace('"', "")})

    with supervised(home, program) as supervisor:
        environment = psutil.Process(pid_of(supervisor, "one")).environ()

    assert environment["GREETING"] == "a b, c=%d"
    assert "TANDEM_RUN_ID" not in environment


def test_socket_and_program_files_are_private(home: Home) -> None:
    with supervised(home, Program("one", SLEEP, home.path)):
        modes = {
            path.name: oct(path.stat().st_mode & 0o777)
            for path in home.supervisor.rglob("*")
            if path.suffix in (".sock", ".conf")
        }

    assert modes == {"supervisor.sock": "0o600", "supervisord.conf": "0o600", "one.conf": "0o600"}


def test_killed_program_runs_again(home: Home) -> None:
    with supervised(home, Program("one", SLEEP, home.path)) as supervisor:
        first = pid_of(supervisor, "one")
        os.kill(first, signal.SIGKILL)

        wait_until(is_gone(first), "the first process is gone")
        assert pid_of(supervisor, "one") != first


def test_replacing_one_program_leaves_the_others_alone(home: Home) -> None:
    programs = [Program(name, SLEEP, home.path) for name in ("one", "two")]
    with supervised(home, *programs) as supervisor:
        one, two = pid_of(supervisor, "one"), pid_of(supervisor, "two")

        supervisor.write(Program("one", ("sleep", "301"), home.path))
        supervisor.replace("one")

        new = pid_of(supervisor, "one")
        assert psutil.Process(new).cmdline() == ["sleep", "301"]
        assert is_gone(one)()
        assert pid_of(supervisor, "two") == two


def test_removed_program_ends_and_is_forgotten(home: Home) -> None:
    with supervised(home, Program("one", SLEEP, home.path)) as supervisor:
        pid = pid_of(supervisor, "one")

        supervisor.remove("one")

        assert is_gone(pid)()
        assert supervisor.services() == []
        assert supervisor.written("one") is None


def test_shutdown_ends_children_that_left_their_process_group(home: Home) -> None:
    """An Airflow task runs in a session of its own; its process group alone would miss it."""
    script = "setsid sleep 302 & echo $! > child.pid; wait"
    with supervised(home, Program("one", ("sh", "-c", script), home.path)) as supervisor:
        note = home.path / "child.pid"
        wait_until(lambda: note.exists() and note.read_text() != "", "the child runs")
        child = int(note.read_text())

        names = supervisor.shutdown()

    assert names == ["one"]
    assert is_gone(child)()
    assert services(home) == []


def test_start_after_the_supervisor_was_killed_ends_its_orphans_first(home: Home) -> None:
    with supervised(home, Program("one", SLEEP, home.path)) as supervisor:
        orphan = pid_of(supervisor, "one")
        daemon = int((home.supervisor / "supervisord.pid").read_text())
        os.kill(daemon, signal.SIGKILL)
        wait_until(lambda: not supervisor.alive(), "the daemon is gone")

        assert supervisor.launch()

        assert is_gone(orphan)()
        assert pid_of(supervisor, "one") != orphan


def kill_daemon(supervisor: Supervisor) -> None:
    """SIGKILL; returns when it no longer answers, which is a moment before it is gone."""
    os.kill(int((supervisor.folder / "supervisord.pid").read_text()), signal.SIGKILL)
    wait_until(lambda: not supervisor.alive(), "the daemon does not answer")


def test_orphan_that_overwrote_its_environment_is_ended_too(home: Home) -> None:
    """It has no mark left; and the daemon's socket closes before the daemon itself is gone."""
    lines = [
        "import os, setproctitle, time",
        "os.environ.pop('SPT_NOENV')",  # with it, a title spares the environment
        "setproctitle.setproctitle('x' * 4000)",
        "time.sleep(300)",
    ]
    program = Program("one", (sys.executable, "-c", "; ".join(lines)), home.path)
    with supervised(home, program) as supervisor:
        orphan = pid_of(supervisor, "one")
        wait_until(lambda: not psutil.Process(orphan).environ(), "it has overwritten it")
        kill_daemon(supervisor)

        assert supervisor.shutdown() == []

        assert is_gone(orphan)()


def test_titled_orphan_in_a_session_of_its_own_is_ended_though_its_parent_is_dead(
    home: Home,
) -> None:
    """As workers of BentoML and Airflow: no parent and no session leads to it, its mark does."""
    child = "import setproctitle, time; setproctitle.setproctitle('a worker'); time.sleep(300)"
    script = f'setsid {sys.executable} -c "{child}" & echo $! > child.pid; wait'
    with supervised(home, Program("one", ("sh", "-c", script), home.path)) as supervisor:
        parent = pid_of(supervisor, "one")
        note = home.path / "child.pid"
        wait_until(lambda: note.exists() and note.read_text() != "", "the child runs")
        orphan = int(note.read_text())
        wait_until(lambda: psutil.Process(orphan).cmdline()[:1] == ["a worker"], "it is titled")
        kill_daemon(supervisor)
        os.kill(parent, signal.SIGKILL)

        assert supervisor.shutdown() == []

        assert is_gone(orphan)()


def test_program_that_forks_while_it_is_ended_leaves_nothing(home: Home) -> None:
    """What is forked between the look and the kill is found by looking again."""
    trap = "trap 'setsid sleep 303 & echo $! > last.pid; exit' TERM"
    script = f"{trap}; touch set; while :; do sleep 0.1; done"
    with supervised(home, Program("one", ("bash", "-c", script), home.path)) as supervisor:
        pid_of(supervisor, "one")
        wait_until((home.path / "set").exists, "it has set its trap")
        kill_daemon(supervisor)

        supervisor.shutdown()

        assert is_gone(int((home.path / "last.pid").read_text()))()


def test_second_start_changes_nothing(home: Home) -> None:
    with supervised(home, Program("one", SLEEP, home.path)) as supervisor:
        pid = pid_of(supervisor, "one")

        assert not supervisor.launch()
        assert pid_of(supervisor, "one") == pid


def test_home_with_spaces_and_a_path_too_long_for_a_socket_works(tmp_path: Path) -> None:
    home = home_at(tmp_path / "a home" / ("x" * 100))

    with supervised(home, Program("one", SLEEP, home.path)) as supervisor:
        pid_of(supervisor, "one")
        folder = Path((home.supervisor / "socket.path").read_text()).parent
        assert folder.stat().st_mode & 0o777 == 0o700

    assert not folder.exists()


def test_no_services_are_known_when_nothing_runs(home: Home) -> None:
    assert services(home) == []
    assert Supervisor(home).shutdown() == []
    with pytest.raises(ServiceDown):
        Supervisor(home).services()


def test_daemon_that_is_stopping_is_a_service_that_is_down(home: Home) -> None:
    supervisor = Supervisor(home)
    words = ("sh", "-c", "trap '' TERM; echo deaf; sleep 300 & wait; wait")
    supervisor.write(Program(name="deaf", command=words, directory=home.path))
    supervisor.launch()
    wait_until(lambda: "deaf" in supervisor.log_tail("deaf"), "it hears no SIGTERM")
    daemon = psutil.Process(int(supervisor.pid() or 0))
    daemon.terminate()
    said: list[str] = []

    def is_told() -> bool:
        try:
            supervisor.services()
        except ServiceDown as error:
            said.append(error.message)
        return bool(said)

    wait_until(is_told, "it is down")
    assert said == ["the supervisor is stopping"]
    daemon.kill()
    daemon.wait()
    supervisor.clear()


def test_daemon_that_does_not_answer_is_named_not_doubled(home: Home) -> None:
    with supervised(home, Program("one", SLEEP, home.path)) as supervisor:
        daemon = int((home.supervisor / "supervisord.pid").read_text())
        (home.supervisor / "supervisor.sock").rename(home.path / "elsewhere.sock")

        with pytest.raises(ServiceDown, match=f"pid {daemon}"):
            supervisor.launch()

        (home.path / "elsewhere.sock").rename(home.supervisor / "supervisor.sock")


def test_crash_loop_backs_off_and_its_last_words_are_kept(home: Home) -> None:
    program = Program("one", ("sh", "-c", "echo cannot start; exit 3"), home.path)
    with supervised(home, program) as supervisor:
        wait_until(lambda: "cannot start" in supervisor.log_tail("one"), "it was started")

        service = supervisor.service("one")
        assert service is not None
        assert service.state in ("BACKOFF", "STARTING")


def test_command_line_tool_of_supervisor_works_on_our_configuration(home: Home) -> None:
    with supervised(home, Program("one", SLEEP, home.path)) as supervisor:
        pid_of(supervisor, "one")
        configuration = str(home.supervisor / "supervisord.conf")
        command = ["-m", "supervisor.supervisorctl", "-c", configuration, "status"]
        listed = subprocess.run(
            [sys.executable, *command], capture_output=True, text=True, check=False
        )

    assert listed.stdout.startswith("one ")
