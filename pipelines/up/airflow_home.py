"""AIRFLOW_HOME: Airflow's configuration and secrets, its database, and the four programs.

All settings live in airflow.cfg (0600), so that no secret is in an environment or on a command
line, and `AIRFLOW_HOME=… airflow …` in a shell sees the same Airflow.
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
from pipelines.errors import ProgramRefused
from pipelines.home import Home
from pipelines.supervisor import Program, reads

USER = "admin"
PROCESSES = ("api-server", "scheduler", "dag-processor", "triggerer")
# A task's token must outlive the task, and tasks must outlive a restart of the API server.
TASK_TOKEN_SECONDS = 24 * 3600
FAILED_HEARTBEATS = 20
LOST_TASK_SECONDS = 120
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


def prepare(home: Home, port: int) -> None:
    """Writes the configuration, and makes or upgrades the database where needed.

    Raises:
        ProgramRefused: `airflow db migrate` failed.
    """
    (home.airflow / "dags").mkdir(parents=True, exist_ok=True)
    home.airflow.chmod(0o700)
    if not passwords(home).exists():
        content = json.dumps({USER: secrets.token_urlsafe(24)})
        storage.write_new(passwords(home), f"{content}\n".encode(), mode=0o600)
    text = _configuration(home, port)
    storage.write_atomic(home.airflow / "airflow.cfg", text.encode(), mode=0o600)
    _migrate(home)


def passwords(home: Home) -> Path:
    """Passwords by user, as JSON, 0600."""
    return home.airflow / "passwords.json"


def _configuration(home: Home, port: int) -> str:
    url = f"http://127.0.0.1:{port}"
    parser = configparser.RawConfigParser()
    parser.read_dict(
        {
            "core": {
                "dags_folder": home.airflow / "dags",
                "load_examples": False,
                "executor": "LocalExecutor",
                "parallelism": PARALLEL_TASKS,
                "fernet_key": _secret(home, "fernet", Fernet.generate_key().decode()),
                "simple_auth_manager_users": f"{USER}:admin",
                "simple_auth_manager_passwords_file": passwords(home),
                "execution_api_server_url": f"{url}/execution/",
            },
            "database": {"sql_alchemy_conn": f"sqlite:///{_database(home)}"},
            "api": {
                "host": "127.0.0.1",
                "port": port,
                "workers": 1,
                "base_url": url,
                "secret_key": _secret(home, "session", secrets.token_hex(48)),
                "expose_config": False,
            },
            "api_auth": {"jwt_secret": _secret(home, "jwt", secrets.token_hex(48))},
            "execution_api": {"jwt_expiration_time": TASK_TOKEN_SECONDS},
            "workers": {"max_failed_heartbeats": FAILED_HEARTBEATS},
            "scheduler": {
                "scheduler_heartbeat_sec": 2,
                "task_instance_heartbeat_timeout": LOST_TASK_SECONDS,
            },
            "dag_processor": {
                "refresh_interval": LOOK_FOR_DAGS_SECONDS,
                "min_file_process_interval": LOOK_FOR_DAGS_SECONDS,
            },
            "logging": {"base_log_folder": home.airflow / "logs"},
        }
    )
    text = io.StringIO()
    parser.write(text)
    return text.getvalue().replace("%", "%%")


def _secret(home: Home, name: str, fresh: str) -> str:
    """A secret kept in a file of its own (0600); the first start makes it."""
    path = home.airflow / f"{name}.key"
    storage.write_new(path, fresh.encode(), mode=0o600) if not path.exists() else None
    return path.read_text()


def _migrate(home: Home) -> None:
    """Runs `airflow db migrate` once per version of Airflow; a new database appears when whole."""
    done, current = home.airflow / "migrated", version("apache-airflow")
    database = _database(home)
    if database.exists() and done.exists() and done.read_text() == current:
        return
    made = database if database.exists() else database.with_suffix(".new")
    made.unlink(missing_ok=True) if made != database else None
    environment = {
        **os.environ,
        **_variables(home),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{made}",
    }
    ended = subprocess.run(
        [sys.executable, "-m", "airflow", "db", "migrate"],
        env=environment,
        cwd=home.airflow,
        capture_output=True,
        text=True,
        check=False,
    )
    log = home.logs / "airflow-migrate.log"
    storage.write_atomic(log, (ended.stdout + ended.stderr).encode())
    if ended.returncode != 0:
        raise ProgramRefused(
            f"`airflow db migrate` ended with {ended.returncode}", where=[str(log)]
        )
    made.replace(database)
    storage.write_atomic(done, current.encode())


def _database(home: Home) -> Path:
    return home.airflow / "airflow.db"


def _variables(home: Home) -> dict[str, str]:
    return {"AIRFLOW_HOME": str(home.airflow), "TANDEM_HOME": str(home.path)}


def _options(process: str) -> tuple[str, ...]:
    """No log servers of their own: they would take fixed ports, and the API reads our disk."""
    return ("--skip-serve-logs",) if process in ("scheduler", "triggerer") else ()
