"""`tandem up` and `tandem down` from a command line: real gateway, real Airflow, free ports."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import psycopg2
import pytest

from pipelines import storage
from pipelines.airflow import Airflow, Deadline, database, follow
from pipelines.contracts.release import Ports
from pipelines.home import Home
from pipelines.rollout import client_env
from pipelines.supervisor import services
from tests.integration.running import free_ports, home_at
from tests.ports import free_port
from tests.postgresql import USER, PostgreSQL

ROOT = Path(__file__).parents[2]
AIRFLOW = {"airflow-api-server", "airflow-scheduler", "airflow-dag-processor", "airflow-triggerer"}


VARIABLE = "TANDEM_AIRFLOW_DATABASE"
PASSWORD = "not-to-be-shown-7"
LIGHT_DAG = """
from airflow.sdk import DAG, task

with DAG("light", schedule=None):
    task(task_id="nothing")(lambda: None)()
"""


class Machine:
    """A home, its ports, and the command line on it."""

    def __init__(self, home: Home) -> None:
        self.home, self.ports = home, free_ports()

    def up(self, *words: str, airflow: bool = False) -> "subprocess.CompletedProcess[str]":
        ports = [f"-Pup.{name}_port={port}" for name, port in self.ports.numbers().items()]
        return self.tandem("up", *words, *ports, f"-Pup.airflow={str(airflow).lower()}")

    def tandem(
        self, verb: str, *words: str, cwd: Path = ROOT
    ) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            [sys.executable, "-m", "pipelines", verb, "--json", *words],
            cwd=cwd,
            env={**os.environ, "TANDEM_HOME": str(self.home.path), "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            check=False,
        )

    def left_over(self) -> list[str]:
        """Command lines of processes that still carry this home's supervisor."""
        found = []
        for process in psutil.process_iter():
            try:
                marks = process.environ().get("SUPERVISOR_SERVER_URL", "")
                words = " ".join(process.cmdline())
            except (psutil.Error, OSError):
                continue
            if str(self.home.path) in marks:
                found.append(words)
        return found


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(home_at(tmp_path))
    yield machine
    machine.tandem("down")


def test_up_starts_the_gateway_and_writes_client_env(machine: Machine) -> None:
    started = machine.up()

    assert started.returncode == 0, started.stderr
    told = json.loads(started.stdout)
    assert [service["name"] for service in told["services"]] == ["gateway", "watchdog"]
    assert told["airflow"] is None
    environment = client_env.read(machine.home)
    headers = {"Authorization": f"Bearer {environment['TANDEM_API_KEY']}"}
    answer = httpx.post(environment["TANDEM_URL"] + "/v1/recommend", json={}, headers=headers)
    assert (answer.status_code, answer.json()["code"]) == (503, "no-champion")


def test_up_when_up_changes_nothing(machine: Machine) -> None:
    machine.up()
    before = [service.pid for service in services(machine.home)]

    again = machine.up()

    assert again.returncode == 0
    assert [service.pid for service in services(machine.home)] == before


def test_up_after_the_supervisor_was_killed_takes_its_ports_back(machine: Machine) -> None:
    machine.up()
    daemon = int((machine.home.supervisor / "supervisord.pid").read_text())
    os.kill(daemon, signal.SIGKILL)

    again = machine.up()

    assert again.returncode == 0, again.stderr
    assert [service.name for service in services(machine.home)] == ["gateway", "watchdog"]


def test_taken_port_ends_with_five_and_names_setting_and_holder(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", machine.ports.gateway)):
        refused = machine.up()

    error = json.loads(refused.stdout)["error"]
    assert refused.returncode == 5
    assert error["code"] == "port-taken"
    assert f"pid {os.getpid()}" in error["message"]
    assert error["where"] == ["up.gateway_port in params.yaml"]
    assert services(machine.home) == []


def test_next_free_port_is_taken_and_said_where_it_is_allowed(machine: Machine) -> None:
    with socket.create_server(("127.0.0.1", machine.ports.gateway)):
        started = machine.up("--next-free-ports")

    chosen = storage.read_record(machine.home.ports, Ports)
    assert started.returncode == 0, started.stderr
    assert chosen.gateway > machine.ports.gateway
    moved = f"gateway {machine.ports.gateway} -> {chosen.gateway}"
    assert json.loads(started.stdout)["moved_ports"] == [moved]
    assert moved in started.stderr


def test_down_without_up_is_done_already(machine: Machine) -> None:
    stopped = machine.tandem("down")

    assert stopped.returncode == 0
    assert json.loads(stopped.stdout)["stopped"] == []


def test_down_needs_neither_a_clone_nor_parameters(machine: Machine, tmp_path: Path) -> None:
    machine.up()
    (tmp_path / "params.yaml").write_text("broken: [")

    stopped = machine.tandem("down", cwd=tmp_path)

    assert stopped.returncode == 0, stopped.stderr
    assert set(json.loads(stopped.stdout)["stopped"]) == {"gateway", "watchdog"}
    assert machine.left_over() == []


@pytest.fixture
def server(tmp_path: Path) -> Iterator[PostgreSQL]:
    """A database server of its own."""
    started = PostgreSQL().start(tmp_path / "server", free_port())
    yield started
    started.stop()


def test_airflow_on_a_database_server_gets_healthy_runs_a_dag_and_ends_without_a_trace(
    machine: Machine, server: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    url = server.create("airflow").replace(USER, f"{USER}:{PASSWORD}")
    monkeypatch.setenv(VARIABLE, url)
    light = machine.home.airflow / "dags" / "light.py"
    storage.write_atomic(light, LIGHT_DAG.encode())

    started = machine.up(f"-Pup.airflow_database={VARIABLE}", airflow=True)

    assert started.returncode == 0, started.stderr
    airflow, deadline = Airflow.of(machine.home), Deadline(120)
    deadline.wait_for(lambda: airflow.knows("light") or None, "the DAG", lambda: "")
    airflow.unpause("light")
    follow(airflow, airflow.trigger("light", {}), deadline)
    assert states_of_runs(server) == [("light", "success")]
    assert not list(machine.home.path.rglob("airflow.db*"))
    assert database.recorded(machine.home) == f"postgresql 127.0.0.1:{server.port}/airflow"
    assert processes_that_show(PASSWORD) == []
    assert files_with(PASSWORD, machine.home.path) == {"airflow/airflow.cfg": 0o600}
    assert answers_to_logins(machine.home) == {"ours": True, "a guess": False}

    stopped = machine.tandem("down")

    assert stopped.returncode == 0, stopped.stderr
    assert set(json.loads(stopped.stdout)["stopped"]) == {*AIRFLOW, "gateway", "watchdog"}
    assert machine.left_over() == []
    assert services(machine.home) == []


def test_a_database_variable_that_is_not_set_ends_with_two_and_starts_nothing(
    machine: Machine,
) -> None:
    refused = machine.up(f"-Pup.airflow_database={VARIABLE}", airflow=True)

    error = json.loads(refused.stdout)["error"]
    assert (refused.returncode, error["code"]) == (2, "bad-parameter")
    assert f"names {VARIABLE}, which is not set" in error["message"]
    assert services(machine.home) == []


def states_of_runs(server: PostgreSQL) -> list[tuple[str, str]]:
    """All DAG runs that the server's database knows, with their states."""
    where = f"host=127.0.0.1 port={server.port} user={USER} dbname=airflow"
    with psycopg2.connect(where) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT dag_id, state FROM dag_run")
        return list(cursor.fetchall())


def answers_to_logins(home: Home) -> dict[str, bool]:
    """Whether Airflow lets in who has the password of the home, and who has not."""
    environment = client_env.read(home)
    user = environment["AIRFLOW_USER"]
    password = json.loads(Path(environment["AIRFLOW_PASSWORD_FILE"]).read_text())[user]
    url, login = environment["AIRFLOW_URL"] + "/auth/token", {"username": user}
    tried = {"ours": password, "a guess": "admin"}
    return {
        name: httpx.post(url, json=login | {"password": word}, timeout=20).is_success
        for name, word in tried.items()
    }


def processes_that_show(text: str) -> list[str]:
    """Processes with the text on their command line or in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            words = process.cmdline()
            told = " ".join([*words, *process.environ().values()])
        except (psutil.Error, OSError):
            continue
        if text in told and process.pid != os.getpid():
            found.append(" ".join(words))
    return found


def files_with(text: str, folder: Path) -> dict[str, int]:
    """Files below a folder that hold the text, with their modes."""
    return {
        str(path.relative_to(folder)): path.stat().st_mode & 0o777
        for path in folder.rglob("*")
        if path.is_file() and text.encode() in path.read_bytes()
    }
