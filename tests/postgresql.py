"""A real PostgreSQL server on loopback, from this machine's own packages, for tests.

PostgreSQL refuses to run as root: started by root, it runs as nobody, who gets the data folder.
"""

import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

import psycopg2

USER = "tandem"
NOBODY = 65_534
START_SECONDS = 60
STOP_SECONDS = 60


class PostgreSQL:
    """One server with its own data; started in this process, stopped by its pid."""

    def __init__(self) -> None:
        self._server: subprocess.Popen[bytes] | None = None
        self._folder = Path()
        self.port = 0

    def start(self, folder: Path, port: int) -> "PostgreSQL":
        """Starts a server over the data in the folder, which is made if there is none.

        Raises:
            FileNotFoundError: This machine has no PostgreSQL server.
        """
        self._folder, self.port = folder, port
        programs = server_programs()
        if not (folder / "PG_VERSION").is_file():
            self._make_data(programs)
        command = [str(programs / "postgres"), "-D", str(folder), "-p", str(port)]
        command += ["-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories="]
        with (folder.parent / f"{folder.name}.log").open("ab") as log:
            self._server = subprocess.Popen(
                [*_as_other_user(), *command], cwd="/", stdout=log, stderr=subprocess.STDOUT
            )
        self._wait_until_it_answers()
        return self

    def create(self, database: str) -> str:
        """Makes an empty database; its URL."""
        connection = psycopg2.connect(self._address("postgres"))
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(f'CREATE DATABASE "{database}"')
        connection.close()
        return self.url(database)

    def url(self, database: str = "postgres") -> str:
        """The SQLAlchemy URL of a database."""
        return f"postgresql+psycopg2://{USER}@127.0.0.1:{self.port}/{database}"

    def stop(self, how: signal.Signals = signal.SIGINT) -> None:
        """Ends the server; safe to repeat.

        Args:
            how: SIGINT ends its sessions and writes everything; SIGQUIT is a crash.
        """
        if self._server is None:
            return
        self._server.send_signal(how)
        self._server.wait(STOP_SECONDS)
        self._server = None

    def _make_data(self, programs: Path) -> None:
        self._folder.mkdir(parents=True, exist_ok=True)
        if os.geteuid() == 0:
            os.chown(self._folder, NOBODY, NOBODY)
            _let_others_through(self._folder)
        command = [str(programs / "initdb"), "-D", str(self._folder), "-A", "trust", "-U", USER]
        command += ["--no-locale", "-E", "UTF8", "--no-sync"]
        made = subprocess.run(
            [*_as_other_user(), *command], cwd="/", capture_output=True, text=True, check=False
        )
        assert made.returncode == 0, made.stderr

    def _address(self, database: str) -> str:
        return f"host=127.0.0.1 port={self.port} user={USER} dbname={database}"

    def _wait_until_it_answers(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while True:
            try:
                psycopg2.connect(self._address("postgres")).close()
            except psycopg2.OperationalError:
                alive = self._server is not None and self._server.poll() is None
                if not alive or time.monotonic() > deadline:
                    log = self._folder.parent / f"{self._folder.name}.log"
                    raise AssertionError(f"PostgreSQL did not start:\n{log.read_text()}") from None
                time.sleep(0.05)
            else:
                return


def server_programs() -> Path:
    """The folder of `initdb` and `postgres`.

    Raises:
        FileNotFoundError: There is none.
    """
    folders = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
    if shutil.which("pg_config"):
        said = subprocess.run(["pg_config", "--bindir"], capture_output=True, text=True, check=True)
        folders.insert(0, Path(said.stdout.strip()))
    for folder in folders:
        if (folder / "initdb").is_file() and (folder / "postgres").is_file():
            return folder
    raise FileNotFoundError("no PostgreSQL server here: apt-get install postgresql")


def _as_other_user() -> list[str]:
    if os.geteuid() != 0:
        return []
    return ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups", "--"]


def _let_others_through(folder: Path) -> None:
    """pytest's temporary folders are 0700."""
    for parent in folder.parents:
        if parent.stat().st_uid == os.geteuid() and not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
