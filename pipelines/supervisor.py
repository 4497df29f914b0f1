"""One supervisord per home: its configuration, its start and end, and its XML-RPC interface.

What runs is one file per program under `supervisor/conf.d`; which programs, the callers decide. A
program is a group of its own, so that one can be replaced while the others go on.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import psutil

from pipelines import processes, programs, storage, unix_rpc
from pipelines.contracts.release import Service
from pipelines.errors import ProgramRefused, ServiceDown, StartTimeout
from pipelines.home import Home
from pipelines.programs import Program

SOCKET_LIMIT = 90  # bytes; AF_UNIX takes 107, supervisord binds PATH.PID first
START_SECONDS = 20.0
STOP_SECONDS = 60.0
DYING_SECONDS = 5.0  # seconds that a killed daemon may take to be gone
STOPPING = 6  # the fault that a daemon answers to every call while it ends
ENDED = {"STOPPED", "EXITED", "FATAL", "UNKNOWN"}
NOT_INHERITED = ("AIRFLOW_", "BENTOML_", "DVC_", "GIT_", "PYTHON", "SUPERVISOR_", "TANDEM_", "TF_")

_MAIN = """\
[supervisord]
logfile = {logs}/supervisord.log
logfile_maxbytes = 5MB
logfile_backups = 1
pidfile = {folder}/supervisord.pid
childlogdir = {logs}
directory = {folder}
umask = 022
[unix_http_server]
file = {socket}
chmod = 0600
[rpcinterface:supervisor]
supervisor.rpcinterface_factory = supervisor.rpcinterface:make_main_rpcinterface
[supervisorctl]
serverurl = unix://{socket}
[include]
files = conf.d/*.conf
"""


class Supervisor:
    """The home's supervisord, running or not."""

    def __init__(self, home: Home) -> None:
        self.home = home
        self.folder = home.supervisor

    # --- configuration

    def write(self, program: Program) -> bool:
        """Writes a program's file (0600: it may name secrets); False when nothing changed."""
        text = programs.render(program, self.home.logs / f"{program.name}.log").encode()
        path = self._file(program.name)
        if path.exists() and path.read_bytes() == text:
            return False
        storage.write_atomic(path, text, mode=0o600)
        return True

    def forget(self, name: str) -> None:
        """Removes a program's file, so that the next start does not bring it back."""
        self._file(name).unlink(missing_ok=True)

    def written(self, name: str) -> str | None:
        """A program's file as text, if there is one."""
        path = self._file(name)
        return path.read_text() if path.exists() else None

    @property
    def _configuration(self) -> str:
        return str(self.folder / "supervisord.conf")

    def _file(self, name: str) -> Path:
        return self.folder / "conf.d" / f"{name}.conf"

    # --- the daemon

    def launch(self) -> bool:
        """Starts the daemon with all programs on file; False when it runs already.

        Raises:
            ServiceDown: It does not answer, or it refuses its configuration.
        """
        if self.alive():
            return False
        self.clear()
        for folder in (self.folder, self.folder / "conf.d"):
            folder.mkdir(parents=True, exist_ok=True)
            folder.chmod(0o700)
        self.home.logs.mkdir(parents=True, exist_ok=True)
        paths = {"folder": self.folder, "logs": self.home.logs, "socket": self._new_socket()}
        main = _MAIN.format(**{name: programs.escaped(str(path)) for name, path in paths.items()})
        storage.write_atomic(Path(self._configuration), main.encode(), mode=0o600)
        command = [sys.executable, "-m", "supervisor.supervisord", "-c", self._configuration]
        ended = subprocess.run(
            command, env=_environment(), capture_output=True, text=True, check=False, cwd="/"
        )
        if ended.returncode != 0 or not processes.wait_until(self.alive, START_SECONDS):
            raise ServiceDown(
                f"the supervisor did not start: {ended.stderr.strip()[-300:] or 'no answer'}",
                where=[self._configuration, str(self.home.logs / "supervisord.log")],
            )
        return True

    def clear(self) -> None:
        """Ends what a daemon that was killed left behind; nothing while one answers.

        Raises:
            ServiceDown: A daemon runs and does not answer.
        """
        if not self.alive():
            self._require_death()
            self._end(lambda: [*self._members(), *self._orphans()])

    def left_behind(self) -> list[psutil.Process]:
        """What a daemon that was killed left running; nothing while one answers."""
        return [] if self.alive() else [*self._members(), *self._orphans()]

    def pid(self) -> int | None:
        """The daemon's process, if it answers."""
        return int(self._call("getPID")) if self.alive() else None

    def alive(self) -> bool:
        """Whether the daemon answers."""
        try:
            self._call("getState")
        except ServiceDown:
            return False
        return True

    def shutdown(self) -> list[str]:
        """Stops all programs and the daemon, and whatever they left behind.

        Returns:
            Names of the programs that ran.
        """
        if not self.alive():
            self.clear()
            return []
        names = [service.name for service in self.services() if service.state not in ENDED]
        daemon = psutil.Process(int(self._call("getPID")))
        members = [*self._members(), *daemon.children(recursive=True)]
        # All at once: the daemon's own shutdown would wait for one after the other.
        self._call("stopAllProcesses", False)
        processes.wait_until(
            lambda: all(one.state in ENDED for one in self.services()), STOP_SECONDS
        )
        self._call("shutdown")
        processes.wait_until(lambda: not processes.lives(daemon), STOP_SECONDS)
        seen = [daemon, *members]
        self._end(lambda: [*filter(processes.lives, seen), *self._members()])
        self._drop_socket()
        return names

    def _members(self, name: str | None = None) -> list[psutil.Process]:
        """All processes below the daemon or one program, also those that lost it: they are marked.

        A process that calls this from below the daemon is not among them.
        """
        marks = {"SUPERVISOR_SERVER_URL": f"unix://{self._socket()}"}
        if name is not None:
            marks["SUPERVISOR_PROCESS_NAME"] = name
        return processes.with_variables(marks)

    def _orphans(self) -> list[psutil.Process]:
        pid = self._recorded_pid()
        return processes.orphans_of_session(pid) if pid is not None else []

    def _recorded_pid(self) -> int | None:
        try:
            return int((self.folder / "supervisord.pid").read_text())
        except (OSError, ValueError):
            return None

    def _end(self, find: Callable[[], list[psutil.Process]]) -> None:
        left = processes.end_all(find)
        if left:
            pids = ", ".join(str(process.pid) for process in left)
            raise StartTimeout(f"processes do not end: {pids}", where=[str(self.folder)])

    def _require_death(self) -> None:
        """Waits for a dying daemon: its socket closes a moment before it is gone.

        Raises:
            ServiceDown: It is not dying; it runs and does not answer.
        """
        pid = self._recorded_pid()
        if pid is None:
            return
        processes.wait_until(lambda: not self._may_be_daemon(pid), DYING_SECONDS)
        if self._configuration in self._command(pid):
            raise ServiceDown(
                f"the supervisor (pid {pid}) runs but does not answer",
                where=[str(self.home.logs / "supervisord.log")],
                hint=f"kill {pid}, then `tandem up`",
            )

    def _may_be_daemon(self, pid: int) -> bool:
        """Whether this may be our daemon: a process that is dying has no command line any more."""
        command = self._command(pid)
        is_dying = not command and processes.alive(pid) is not None
        return is_dying or self._configuration in command

    def _command(self, pid: int) -> list[str]:
        process = processes.alive(pid)
        try:
            return list(process.cmdline()) if process else []
        except psutil.Error:
            return []

    # --- one program at a time

    def replace(self, name: str) -> None:
        """Runs a program as it is on file now, in place of what ran under that name."""
        self._reread()
        self._take_out(name)
        self._call("addProcessGroup", name)

    def remove(self, name: str) -> None:
        """Stops a program and forgets it; nothing happens when there is none."""
        self.forget(name)
        self._take_out(name)

    def retire(self, name: str) -> None:
        """Forgets a program and lets it end in its own time; does not wait for that."""
        self.forget(name)
        if self.service(name) is not None:
            self._call("stopProcessGroup", name, False)

    def kill(self, name: str) -> None:
        """SIGKILL to all processes of a program, also stopped ones; it is then started again."""
        for process in self._members(name):
            with suppress(psutil.NoSuchProcess):
                process.kill()

    def services(self) -> list[Service]:
        """All programs with their states.

        Raises:
            ServiceDown: The daemon does not answer.
        """
        return [
            Service(name=info["name"], state=info["statename"], pid=info["pid"] or None)
            for info in self._call("getAllProcessInfo")
        ]

    def service(self, name: str) -> Service | None:
        """One program, if it is known to the running daemon."""
        return next((service for service in self.services() if service.name == name), None)

    def log_tail(self, name: str, lines: int = 5) -> str:
        """The last lines of a program's log, joined by ` | `."""
        path = self.home.logs / f"{name}.log"
        if not path.exists():
            return ""
        with path.open("rb") as file:
            file.seek(max(0, path.stat().st_size - 4096))
            text = file.read().decode(errors="replace")
        return " | ".join(line.strip() for line in text.splitlines()[-lines:] if line.strip())

    def _reread(self) -> None:
        try:
            self._call("reloadConfig")
        except unix_rpc.Fault as fault:
            raise ProgramRefused(
                f"the supervisor cannot read its programs: {fault.faultString}",
                where=[str(self.folder / "conf.d")],
            ) from fault

    def _take_out(self, name: str) -> None:
        if self.service(name) is None:
            return
        self._call("stopProcessGroup", name, False)
        if not processes.wait_until(lambda: self._ended(name), STOP_SECONDS):
            raise StartTimeout(f"{name} does not stop", where=[str(self.home.logs)])
        self._call("removeProcessGroup", name)
        self._end(lambda: self._members(name))

    def _ended(self, name: str) -> bool:
        service = self.service(name)
        return service is None or service.state in ENDED

    # --- the socket

    def _call(self, method: str, *arguments: Any) -> Any:
        path = self._socket()
        try:
            return unix_rpc.call(path, f"supervisor.{method}", *arguments)
        except OSError as error:
            raise ServiceDown(
                "the supervisor does not answer", where=[str(path)], hint="run `tandem up`"
            ) from error
        except unix_rpc.Fault as fault:
            if fault.faultCode != STOPPING:
                raise
            raise ServiceDown(
                "the supervisor is stopping", where=[str(path)], hint="then run `tandem up`"
            ) from fault

    def _socket(self) -> Path:
        note = self.folder / "socket.path"
        return Path(note.read_text()) if note.exists() else self.folder / "supervisor.sock"

    def _new_socket(self) -> Path:
        """The socket's path; in a private temporary folder when the home's is too long."""
        path = self._socket()
        if len(os.fsencode(path)) > SOCKET_LIMIT or not path.parent.is_dir():
            path = Path(tempfile.mkdtemp(prefix="tandem-")) / "supervisor.sock"
            storage.write_atomic(self.folder / "socket.path", os.fsencode(path), mode=0o600)
        return path

    def _drop_socket(self) -> None:
        note = self.folder / "socket.path"
        if note.exists():
            socket_file = self._socket()
            socket_file.unlink(missing_ok=True)
            socket_file.parent.rmdir()
            note.unlink()


def reads(configuration: Path) -> dict[str, str]:
    """A variable that changes with a file, so that a program is replaced when its settings do."""
    return {"TANDEM_CONFIGURATION": storage.sha256_file(configuration)[:12]}


def services(home: Home) -> list[Service]:
    """The home's programs; empty when nothing runs."""
    try:
        return Supervisor(home).services()
    except ServiceDown:
        return []


def _environment() -> dict[str, str]:
    """The caller's environment without what belongs to one run, and with our programs on PATH."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(NOT_INHERITED)}
    programs = str(Path(sys.executable).parent)
    kept["PATH"] = os.pathsep.join([programs, kept.get("PATH", os.defpath)])
    kept["SPT_NOENV"] = "1"  # setproctitle spares the environment, by which we know our processes
    return kept
