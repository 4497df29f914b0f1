"""Faults of the orchestrator, in the whole machine: real Airflow under its supervisor, real steps.

The tests go on from each other: data are taken in by several runs at once, and the training on them
meets a kill in each of three tasks.
"""

import os
import signal
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from itertools import pairwise
from typing import Any

import psutil
import pytest

from pipelines.airflow import (
    DEPLOYMENT,
    INGESTION,
    TRAINING,
    Airflow,
    DagRun,
    Deadline,
    follow,
    follow_chain,
    ready,
)
from pipelines.home import Home
from pipelines.storage import read_json
from pipelines.supervisor import services
from tests.end_to_end.clone import Clone, git, wait_until
from tests.faults import hourly_clone
from tests.faults.hourly_clone import HOUR

pytestmark = pytest.mark.timeout(1800)
PATIENCE_SECONDS = 900
BEGUN = 3
"""KEYs that the first release is trained on."""


@dataclass(frozen=True)
class Machine:
    """A clone with all services up and a champion live."""

    clone: Clone
    keys: list[datetime]
    airflow: Airflow

    def tag(self, number: int) -> str:
        """The tag of the n-th KEY, once it is accepted."""
        return f"data/{self.keys[number]:%Y-%m-%dT%H}"

    def commits(self, run: DagRun) -> list[str]:
        """The state's commits that name a DAG run."""
        made = self.clone.run_commits()
        return [one.commit for one in made if one.airflow_run == run.run_id]

    def pid(self, program: str) -> int | None:
        """A program's process, if it runs."""
        found = {one.name: one for one in services(Home(self.clone.home))}[program]
        return found.pid if found.state == "RUNNING" else None


@pytest.fixture(scope="module")
def machine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    clone, keys = hourly_clone.make(tmp_path_factory.mktemp("orchestration") / "tandem")
    try:
        for verb in ("init", "up"):
            ended = clone.tandem(verb, "--json")
            assert ended.returncode == 0, ended.stdout
        airflow = Airflow.of(Home(clone.home))
        ready(airflow, Deadline(PATIENCE_SECONDS))
        first = airflow.trigger(INGESTION, {"to": f"{keys[BEGUN - 1]:%Y-%m-%dT%H}"})
        chain = follow_chain(airflow, first, Deadline(PATIENCE_SECONDS))
        assert [ended.run.dag_id for ended in chain] == [INGESTION, TRAINING, DEPLOYMENT]
        yield Machine(clone, keys, airflow)
    finally:
        left = clone.stop()
    assert left == [], "`tandem down` left processes behind"


@pytest.mark.fault(51)
def test_a_cleared_run_is_skipped_and_commits_nothing_more(machine: Machine) -> None:
    (run,) = (one for one in machine.airflow.runs(INGESTION) if one.run_id.startswith("manual"))
    before = machine.clone.run_commits()

    machine.airflow._ask("POST", f"{run.path}/clear", json={"dry_run": False})
    ended = follow(machine.airflow, run, Deadline(PATIENCE_SECONDS))

    assert all(ended.skipped(task) for task in ("ingest", "validate", "commit"))
    assert machine.clone.run_commits() == before
    assert len(machine.commits(run)) == 1


@pytest.mark.fault(51)
def test_two_runs_at_once_and_a_backfill_beside_them_accept_each_key_once(
    machine: Machine,
) -> None:
    pause(machine.airflow, TRAINING, is_paused=True)  # its turn comes below
    before = machine.clone.run_commits()

    runs = [machine.airflow.trigger(INGESTION, {}) for _ in range(2)]
    backfill(machine, first=BEGUN - 1, last=BEGUN + 3)
    wait_until(lambda: not at_work(machine.airflow), "all runs to end", PATIENCE_SECONDS)

    made = machine.clone.run_commits()[: -len(before)]
    one, other = (machine.airflow._ask("GET", run.path) for run in runs)
    assert one["end_date"] <= other["start_date"]
    assert not overlaps(machine.airflow)
    assert {run["state"] for run in of_ingestion(machine.airflow)} == {"success"}
    assert Counter(tags_of(machine, [one.commit for one in made])) == Counter(
        machine.tag(number) for number in range(BEGUN, BEGUN + 4)
    )


@dataclass(frozen=True)
class Training:
    """A training that met faults, and what became of it."""

    run: DagRun
    tries: dict[str, int]
    logs: dict[str, str]
    """What the first try of a task said."""
    exit_codes: dict[str, list[int | None]]
    """Of each try of a step, as the run's record has them; null where it was killed with us."""
    champion_before: dict[str, Any]
    champion_meanwhile: dict[str, Any]
    replaced: dict[str, bool]
    """Whether the supervisor runs another process of a program than before its kill."""


@pytest.fixture(scope="module")
def training(machine: Machine) -> Training:
    """`train` runs out of memory, the scheduler dies in `evaluate`, the API server in `gate`."""
    before = machine.clone.status()["champion"]
    programs = ("airflow-scheduler", "airflow-api-server")
    pids = {program: machine.pid(program) for program in programs}
    pause(machine.airflow, TRAINING, is_paused=False)
    run = machine.airflow.trigger(TRAINING, {})

    step_at_work(machine.clone, "train").kill()
    step_at_work(machine.clone, "evaluate")
    os.kill(pids["airflow-scheduler"] or 0, signal.SIGKILL)
    step_at_work(machine.clone, "gate")
    os.kill(pids["airflow-api-server"] or 0, signal.SIGKILL)
    meanwhile = machine.clone.status()["champion"]
    tasks = follow(machine.airflow, run, Deadline(PATIENCE_SECONDS)).tasks

    return Training(
        run,
        {task.task_id: task.try_number for task in tasks},
        {"train": first_log(machine.airflow, run, "train")},
        {"train": exit_codes(machine, run, "train")},
        before,
        meanwhile,
        {program: machine.pid(program) not in (None, pids[program]) for program in programs},
    )


@pytest.mark.fault(13)
def test_a_training_out_of_memory_is_said_tried_again_and_leaves_the_champion_alone(
    training: Training,
) -> None:
    assert "error: train was killed, in general for lack of memory" in training.logs["train"]
    assert training.exit_codes["train"] == [5, 0]
    assert training.tries["train"] == 2
    assert training.champion_meanwhile == training.champion_before


@pytest.mark.fault(50)
def test_a_killed_scheduler_and_a_killed_api_server_come_back_and_the_training_commits_once(
    machine: Machine, training: Training
) -> None:
    assert training.replaced == {"airflow-scheduler": True, "airflow-api-server": True}
    assert training.tries["gate"] == 1  # an API server that is away ends no task
    assert len(machine.commits(training.run)) == 1
    assert git("fsck", "--strict", cwd=machine.clone.home / "state.git") == ""


def pause(airflow: Airflow, dag_id: str, *, is_paused: bool) -> None:
    """Holds a DAG back, or lets it go."""
    airflow._ask("PATCH", f"/dags/{dag_id}", json={"is_paused": is_paused})


def backfill(machine: Machine, first: int, last: int) -> None:
    """Asks for one run for each KEY from the first to the last, all at once."""
    bounds = {"from_date": machine.keys[first], "to_date": machine.keys[last] + HOUR / 2}
    body = {name: bound.isoformat() for name, bound in bounds.items()}
    machine.airflow._ask("POST", "/backfills", json={"dag_id": INGESTION, **body})


def of_ingestion(airflow: Airflow) -> list[dict[str, Any]]:
    """All ingestion runs."""
    answer = airflow._ask("GET", f"/dags/{INGESTION}/dagRuns", params={"limit": 100})
    return list(answer["dag_runs"])


def at_work(airflow: Airflow) -> bool:
    """Whether an ingestion has not ended."""
    return any(run["state"] in ("queued", "running") for run in of_ingestion(airflow))


def overlaps(airflow: Airflow) -> bool:
    """Whether two tasks of ingestion were ever at work at once."""
    path = f"/dags/{INGESTION}/dagRuns/~/taskInstances"
    tasks = airflow._ask("GET", path, params={"limit": 100})["task_instances"]
    worked = [task for task in tasks if task["hostname"]]  # not those that were only skipped
    spans = sorted((task["start_date"], task["end_date"]) for task in worked)
    return any(one[1] > next_one[0] for one, next_one in pairwise(spans))


def tags_of(machine: Machine, commits: list[str]) -> list[str]:
    """The data tags at these commits."""
    state = machine.clone.home / "state.git"
    return [
        tag for commit in commits for tag in git("tag", "--points-at", commit, cwd=state).split()
    ]


def wait_for(look, what: str):  # type: ignore[no-untyped-def]  # whatever it finds
    """What `look` finds, once it is something."""
    return Deadline(PATIENCE_SECONDS).wait_for(lambda: look() or None, what, lambda: "")


def step_at_work(clone: Clone, verb: str) -> psutil.Process:
    """The process in a run's clone that does a step, once there is one."""

    def look() -> psutil.Process | None:
        return next((one for one in clone.processes() if does(one, verb)), None)

    found: psutil.Process = wait_for(look, f"the step {verb}")
    return found


def does(process: psutil.Process, verb: str) -> bool:
    """Whether it is the verb's own process, and not one that waits for it."""
    try:
        return process.cmdline()[1:4] == ["-m", "pipelines", verb]
    except psutil.Error:
        return False


def exit_codes(machine: Machine, run: DagRun, verb: str) -> list[int | None]:
    """How each try of a step of a run ended."""
    records = [read_json(path) for path in (machine.clone.home / "runs").glob("*.json")]
    (own,) = (one for one in records if one["airflow_run_id"] == run.run_id)
    return [step["exit_code"] for step in own["steps"] if step["verb"] == verb]


def first_log(airflow: Airflow, run: DagRun, task_id: str) -> str:
    """The log of a task's first try."""
    path = f"{run.path}/taskInstances/{task_id}/logs/1"
    content = airflow._ask("GET", path, params={"full_content": True})["content"]
    return "\n".join(part if isinstance(part, str) else str(part["event"]) for part in content)
