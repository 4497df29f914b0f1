"""A client of Airflow's REST API (version 2). It imports nothing of Airflow."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from pipelines import storage, supervisor
from pipelines.errors import AirflowRefused, AirflowUnreachable
from pipelines.home import Home
from pipelines.rollout import client_env

TIMEOUT_SECONDS = 20.0
COMPONENTS = ("metadatabase", "scheduler", "triggerer", "dag_processor")
PROGRAM = "airflow-"
AT_WORK = ("RUNNING", "STARTING")
INGESTION_POOL = "tandem_ingestion"
"""The DAGs name it; one slot, so that of all ingestion runs one task is at work."""
UNAUTHORIZED = 401
SERVER_ERROR = 500
CLIENT_ERROR = 400
START_HINT = "is it up? `tandem status` shows the services, `tandem up` starts them"


@dataclass(frozen=True)
class DagRun:
    """A DAG run; `state` is Airflow's word: queued, running, success or failed."""

    dag_id: str
    run_id: str
    state: str

    @property
    def path(self) -> str:
        """Where it is in the REST API."""
        return f"/dags/{quote(self.dag_id)}/dagRuns/{quote(self.run_id, safe='')}"


@dataclass(frozen=True)
class Component:
    """A part of Airflow as its API sees it."""

    name: str
    status: str
    """`healthy` in Airflow's words, or what it is instead."""
    seen: str | None
    """Its last heartbeat; the database has none."""


@dataclass(frozen=True)
class Task:
    """A task of a DAG run; `state` is Airflow's word, None before it is scheduled."""

    task_id: str
    state: str | None
    seconds: float
    """How long the present try has run."""
    try_number: int


class Airflow:
    """Airflow at a URL, as one of its users. Logs in when it has to.

    Every method raises AirflowUnreachable when Airflow does not answer or answers with a server
    error (both may pass), and AirflowRefused when it does not take the request.
    """

    def __init__(self, url: str, user: str, password: str, home: Home | None = None) -> None:
        self.url = url.rstrip("/")
        self._home = home
        self._login = {"username": user, "password": password}
        self._client = httpx.Client(base_url=self.url, timeout=TIMEOUT_SECONDS, trust_env=False)

    @classmethod
    def of(cls, home: Home) -> "Airflow":
        """The Airflow that `tandem up` started, from client.env."""
        settings = client_env.read(home)
        if "AIRFLOW_URL" not in settings:
            raise AirflowUnreachable(
                "client.env names no Airflow", where=[str(home.client_env)], hint=START_HINT
            )
        user = settings["AIRFLOW_USER"]
        passwords = storage.read_json(Path(settings["AIRFLOW_PASSWORD_FILE"]))
        return cls(settings["AIRFLOW_URL"], user, passwords[user], home)

    def run_page(self, run: DagRun) -> str:
        """The URL of a DAG run's page, for people."""
        return f"{self.url}/dags/{quote(run.dag_id)}/runs/{quote(run.run_id, safe='')}"

    def health(self) -> list[Component]:
        """How the components are."""
        answer = self._ask("GET", "/monitor/health", login=False)
        return [
            Component(
                name,
                answer[name]["status"] or "not started",
                answer[name].get(f"latest_{name}_heartbeat"),
            )
            for name in COMPONENTS
        ]

    def stopped(self) -> dict[str, str]:
        """Components whose program does not run, with its state; known only of a home's Airflow."""
        programs = supervisor.services(self._home) if self._home else []
        return {
            program.name.removeprefix(PROGRAM).replace("-", "_"): program.state.lower()
            for program in programs
            if program.name.startswith(PROGRAM) and program.state not in AT_WORK
        }

    def make_pool(self, name: str, slots: int) -> None:
        """Makes a pool; one that is there stays as it is."""
        known = self._ask("GET", "/pools", params={"pool_name_pattern": name})["pools"]
        if name not in [pool["name"] for pool in known]:
            self._ask("POST", "/pools", json={"name": name, "slots": slots})

    def knows(self, dag_id: str) -> bool:
        """Whether the DAG processor has read the DAG by now."""
        return bool(self._ask("GET", "/dags", params={"dag_ids": [dag_id], "limit": 1})["dags"])

    def unpause(self, dag_id: str) -> None:
        """Lets the DAG run."""
        self._ask("PATCH", f"/dags/{quote(dag_id)}", json={"is_paused": False})

    def trigger(self, dag_id: str, conf: Mapping[str, object]) -> DagRun:
        """Starts a run with these params."""
        body = {"logical_date": None, "conf": dict(conf)}
        return _dag_run(self._ask("POST", f"/dags/{quote(dag_id)}/dagRuns", json=body))

    def runs(self, dag_id: str, limit: int = 20) -> list[DagRun]:
        """The DAG's runs, newest first."""
        params = {"order_by": "-run_after", "limit": limit}
        answer = self._ask("GET", f"/dags/{quote(dag_id)}/dagRuns", params=params)
        return [_dag_run(run) for run in answer["dag_runs"]]

    def state(self, run: DagRun) -> str:
        """The run's state now."""
        return str(self._ask("GET", run.path)["state"])

    def tasks(self, run: DagRun) -> list[Task]:
        """The run's tasks, in the order in which they started; those to come last."""
        answer = self._ask("GET", f"{run.path}/taskInstances")
        found = sorted(answer["task_instances"], key=lambda task: task["start_date"] or "9")
        return [
            Task(task["task_id"], task["state"], _seconds(task), task["try_number"])
            for task in found
        ]

    def set_off(self, run: DagRun, dag_id: str) -> DagRun | None:
        """The run of `dag_id` that this run's asset events started, if there is one by now."""
        params = {"source_dag_id": run.dag_id, "source_run_id": run.run_id}
        events = self._ask("GET", "/assets/events", params=params)["asset_events"]
        created = [made for event in events for made in event["created_dagruns"]]
        ids = [made["run_id"] for made in created if made["dag_id"] == dag_id]
        return DagRun(dag_id, ids[0], "queued") if ids else None

    def log_tail(self, run: DagRun, task: Task, lines: int = 20) -> list[str]:
        """The last lines of a task's present try; empty when there is no log."""
        path = f"{run.path}/taskInstances/{quote(task.task_id)}/logs/{task.try_number}"
        content = self._ask("GET", path, params={"full_content": True})["content"]
        texts = [entry if isinstance(entry, str) else str(entry["event"]) for entry in content]
        return [text for text in texts if not text.startswith("::")][-lines:]

    def _ask(self, method: str, path: str, *, login: bool = True, **arguments: Any) -> Any:
        if login and "Authorization" not in self._client.headers:
            self._log_in()
        answer = self._send(method, f"/api/v2{path}", **arguments)
        if login and answer.status_code == UNAUTHORIZED:  # the token has expired
            self._log_in()
            answer = self._send(method, f"/api/v2{path}", **arguments)
        return _content(answer)

    def _log_in(self) -> None:
        token = _content(self._send("POST", "/auth/token", json=self._login))["access_token"]
        self._client.headers["Authorization"] = f"Bearer {token}"

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        try:
            answer = self._client.request(method, path, **arguments)
        except httpx.TransportError as error:
            raise AirflowUnreachable(
                f"Airflow does not answer: {error}", where=[self.url], hint=START_HINT
            ) from error
        if answer.status_code >= SERVER_ERROR:
            raise AirflowUnreachable(
                f"Airflow answers {answer.status_code}: {_detail(answer)}",
                where=[str(answer.url)],
                hint="see the api-server's log in the home's logs/",
            )
        return answer


def _content(answer: httpx.Response) -> Any:
    if answer.status_code >= CLIENT_ERROR:
        raise AirflowRefused(
            f"Airflow answers {answer.status_code}: {_detail(answer)}", where=[str(answer.url)]
        )
    return answer.json()


def _detail(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.text[:200] or answer.reason_phrase


def _dag_run(content: Mapping[str, Any]) -> DagRun:
    return DagRun(content["dag_id"], content["dag_run_id"], content["state"])


def _seconds(task: Mapping[str, Any]) -> float:
    if task["duration"] is not None:
        return float(task["duration"])
    if task["state"] != "running" or not task["start_date"]:
        return 0.0
    return (storage.now_utc() - datetime.fromisoformat(task["start_date"])).total_seconds()
