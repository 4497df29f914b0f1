"""AIRFLOW_HOME: Airflow's configuration and secrets, its database, and the four programs.

All settings live in airflow.cfg (0600), the URL of a database server among them. So no secret is in
an environment or on a command line, and `AIRFLOW_HOME=… airflow …` in a shell sees the same one.
"""

import configparser
import io
import json
import os
import secrets
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

from cryptography.fernet import Fernet

from pipelines import storage
from pipelines.airflow import database
from pipelines.errors import ProgramRefused
from pipelines.home import Home
from pipelines.programs import Program
from pipelines.supervisor import reads

USER = "admin"
PROCESSES = ("api-server", "scheduler", "dag-processor", "triggerer")
LOST_TASK_SECONDS = 300
ORPHANS_SECONDS = 30
# A task's token must outlive the task. A task must outlive two minutes without the API server: its
# heartbeats, the word that it has ended, and the scheduler's patience with it. What a killed
# scheduler was at ends with it: the next one is to start it again soon.
ENDURANCE: dict[str, dict[str, object]] = {
    "execution_api": {"jwt_expiration_time": 24 * 3600},
    "workers": {
        "max_failed_heartbeats": 20,
        "execution_api_retries": 20,
        "execution_api_retry_wait_max": 20,
    },
    "scheduler": {
        "scheduler_heartbeat_sec": 2,
        "task_instance_heartbeat_timeout": LOST_TASK_SECONDS,
        "orphaned_tasks_check_interval": ORPHANS_SECONDS,
    },
}
PARALLEL_TASKS = 4
LOOK_FOR_DAGS_SECONDS = 5
START_SECONDS = 5
STOP_SECONDS = 15


def programs(home: Home, root: Path) -> list[Program]:
    """Airflow's four processes; their tasks run `tandem` in the clone at `root`."""
    return [
        Program(
            name=f"airflow-{process}",
            command=(sys.executable, "-m", "airflow", process, *_options(process)),
            directory=root,
            environment=_variables(home) | reads(home.airflow / "airflow.cfg"),
            start_seconds=START_SECONDS,
            stop_seconds=STOP_SECONDS,
        )
        for process in PROCESSES
    ]


def prepare(home: Home, port: int, server: str | None) -> None:
    """Writes the configuration, and makes or upgrades the database where needed.

    Args:
        home: The home.
        port: Of the API server.
        server: URL of the database on a server; None = SQLite in the home.

    Raises:
        DatabaseUnreachable: The server does not let us in; nothing is changed.
        ProgramRefused: `airflow db migrate` failed.
    """
    is_made = server is not None and database.holds_airflow(server)
    (home.airflow / "dags").mkdir(parents=True, exist_ok=True)
    home.airflow.chmod(0o700)
    if not passwords(home).exists():
        content = json.dumps({USER: secrets.token_urlsafe(24)})
        storage.write_new(passwords(home), f"{content}\n".encode(), mode=0o600)
    url = server or _sqlite(database.sqlite_file(home))
    text = _configuration(home, port, url)
    storage.write_atomic(home.airflow / "airflow.cfg", text.encode(), mode=0o600)
    _migrate(home, url, is_made or (server is None and database.sqlite_file(home).exists()))


def passwords(home: Home) -> Path:
    """Passwords by user, as JSON, 0600."""
    return home.airflow / "passwords.json"


def _configuration(home: Home, port: int, database_url: str) -> str:
    parser = configparser.RawConfigParser()
    parser.read_dict(_settings(home, f"http://127.0.0.1:{port}", database_url) | ENDURANCE)
    text = io.StringIO()
    parser.write(text)
    return text.getvalue().replace("%", "%%")


def _settings(home: Home, url: str, database_url: str) -> dict[str, dict[str, object]]:
    """What belongs to this home."""
    return {
        "core": {
            "dags_folder": home.airflow / "dags",
            "load_examples": False,
            "executor": "LocalExecutor",
            "parallelism": PARALLEL_TASKS,
            "min_serialized_dag_update_interval": LOOK_FOR_DAGS_SECONDS,
            "fernet_key": _secret(home, "fernet", Fernet.generate_key().decode()),
            "simple_auth_manager_users": f"{USER}:admin",
            "simple_auth_manager_passwords_file": passwords(home),
            "execution_api_server_url": f"{url}/execution/",
        },
        "database": {"sql_alchemy_conn": database_url},
        "api": {
            "host": "127.0.0.1",
            "port": url.rpartition(":")[2],
            "workers": 1,
            "base_url": url,
            "secret_key": _secret(home, "session", secrets.token_hex(48)),
            "expose_config": False,
        },
        "api_auth": {"jwt_secret": _secret(home, "jwt", secrets.token_hex(48))},
        "dag_processor": {
            "refresh_interval": LOOK_FOR_DAGS_SECONDS,
            "min_file_process_interval": LOOK_FOR_DAGS_SECONDS,
        },
        "logging": {"base_log_folder": home.airflow / "logs"},
    }


def _secret(home: Home, name: str, fresh: str) -> str:
    """A secret kept in a file of its own (0600); the first start makes it."""
    path = home.airflow / f"{name}.key"
    storage.write_new(path, fresh.encode(), mode=0o600) if not path.exists() else None
    return path.read_text()


def _migrate(home: Home, url: str, is_made: bool) -> None:
    """Runs `airflow db migrate` once per version of Airflow and database.

    A new SQLite file appears when it is whole.
    """
    done, current = home.airflow / "migrated", f"{version('apache-airflow')} {database.named(url)}"
    if is_made and done.exists() and done.read_text() == current:
        return
    file = database.sqlite_file(home)
    fresh = file.with_suffix(".new") if url == _sqlite(file) and not is_made else None
    if fresh is None:
        _run_migration(home, {})
    else:
        fresh.unlink(missing_ok=True)
        _run_migration(home, {"AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": _sqlite(fresh)})
        fresh.replace(file)
    storage.write_atomic(done, current.encode(), mode=0o600)


def _run_migration(home: Home, variables: dict[str, str]) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env={**os.environ, **_variables(home), **variables},
        cwd=home.airflow,
        capture_output=True,
        text=True,
        check=False,
    )
    log = home.logs / "airflow-migrate.log"
    storage.write_atomic(log, (ended.stdout + ended.stderr).encode(), mode=0o600)
    if ended.returncode != 0:
        raise ProgramRefused(
            f"`airflow db migrate` ended with {ended.returncode}", where=[str(log)]
        )


def _sqlite(file: Path) -> str:
    return f"sqlite:///{file}"


def _variables(home: Home) -> dict[str, str]:
    return {"AIRFLOW_HOME": str(home.airflow), "TANDEM_HOME": str(home.path)}


def _options(process: str) -> tuple[str, ...]:
    """No log servers of their own: they would take fixed ports, and the API reads our disk."""
    return ("--skip-serve-logs",) if process in ("scheduler", "triggerer") else ()
