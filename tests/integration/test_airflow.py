"""The DAGs in a real Airflow; only the `tandem` that their tasks call is a scripted stand-in."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

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
)
from pipelines.errors import AirflowRefused, RunFailed
from tests.integration.airflow_processes import REPOSITORY, AirflowProcesses, running
from tests.integration.approvals import (
    PATIENCE_SECONDS,
    ask_for_approvals,
    follow_with_answers,
    open_question,
    wait_for,
)

HOUR = timedelta(hours=1)
KEY_FORM = "%Y-%m-%dT%H"


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowProcesses]:
    yield from running(tmp_path_factory.mktemp("airflow"))


@pytest.fixture
def airflow(processes: AirflowProcesses) -> Airflow:
    processes.lay_down({})
    return processes.client


def test_every_dag_is_read_without_error_and_has_tags_and_a_page(airflow: Airflow) -> None:
    errors = airflow._ask("GET", "/importErrors")["import_errors"]
    dags = airflow._ask("GET", "/dags")["dags"]

    assert errors == []
    assert sorted(dag["dag_id"] for dag in dags) == sorted([INGESTION, TRAINING, DEPLOYMENT])
    assert all(dag["tags"] and dag["max_active_runs"] == 1 for dag in dags)
    assert not any(dag["is_paused"] for dag in dags)


def test_dag_files_are_read_in_less_than_a_second_and_import_nothing_heavy(
    tmp_path: Path,
) -> None:
    script = f"""
import runpy, sys, time, airflow.sdk
known, start = set(sys.modules), time.process_time()
for name in {[INGESTION, TRAINING, DEPLOYMENT]}:
    runpy.run_path(f"dags/{{name}}.py")
print(time.process_time() - start, *sorted(set(sys.modules) - known))
"""
    environment = {**os.environ, "PYTHONPATH": "dags", "AIRFLOW_HOME": str(tmp_path)}
    command = [sys.executable, "-c", script]
    said = subprocess.check_output(command, cwd=REPOSITORY, env=environment, text=True)

    seconds, *imported = said.splitlines()[-1].split()
    heavy = ("pandas", "tensorflow", "great_expectations", "pipelines")
    assert float(seconds) < 1  # of the processor: other tests may be at work beside us
    assert not [name for name in imported if name.split(".")[0] in heavy]


def test_one_ingestion_leads_to_training_and_deployment_when_all_ends_well(
    processes: AirflowProcesses, airflow: Airflow
) -> None:
    chain = follow_chain(airflow, airflow.trigger(INGESTION, {}), Deadline(PATIENCE_SECONDS))

    training = "open prepare train evaluate refit gate commit register"
    assert processes.verbs() == f"open ingest validate commit {training} package deploy".split()
    ingestion, trained, _ = chain
    log = "\n".join(airflow.log_tail(trained.run, trained.tasks[0], lines=50))
    assert f"from {INGESTION} {ingestion.run.run_id} commit" in log


def test_a_hold_skips_register_and_deploys_nothing_in_a_green_run(
    processes: AirflowProcesses, airflow: Airflow
) -> None:
    processes.lay_down({"register": [99]})

    chain = follow_chain(airflow, airflow.trigger(INGESTION, {}), Deadline(PATIENCE_SECONDS))

    trained = chain[-1]
    assert trained.run.dag_id == TRAINING
    assert trained.skipped("register")
    assert airflow.set_off(trained.run, DEPLOYMENT) is None
    assert "package" not in processes.verbs()


def test_refused_input_fails_the_run_at_once_and_trains_nothing(
    processes: AirflowProcesses, airflow: Airflow
) -> None:
    processes.lay_down({"validate": [3]})

    with pytest.raises(RunFailed) as caught:
        follow_chain(airflow, airflow.trigger(INGESTION, {}), Deadline(PATIENCE_SECONDS))

    assert caught.value.message.splitlines() == [
        "task validate of recommender_ingestion failed",
        "  | error: validate said 3",
    ]
    assert caught.value.task_id == "validate"
    assert processes.verbs() == ["open", "ingest", "validate"]


def test_nothing_to_do_skips_the_rest_and_hands_nothing_on(
    processes: AirflowProcesses, airflow: Airflow
) -> None:
    processes.lay_down({"ingest": [99]})

    chain = follow_chain(airflow, airflow.trigger(INGESTION, {}), Deadline(PATIENCE_SECONDS))

    assert [finished.run.dag_id for finished in chain] == [INGESTION]
    assert processes.verbs() == ["open", "ingest"]


def test_a_fault_of_the_environment_is_tried_again_one_run_at_a_time(
    processes: AirflowProcesses, airflow: Airflow
) -> None:
    processes.lay_down({"open": [5, 0], "ingest": [99]})

    first, second = airflow.trigger(INGESTION, {}), airflow.trigger(INGESTION, {})
    follow(airflow, first, Deadline(PATIENCE_SECONDS))
    follow(airflow, second, Deadline(PATIENCE_SECONDS))

    names = [words[2] for words in processes.calls()]
    assert processes.verbs() == ["open", "open", "ingest", "open", "ingest"]
    assert len(set(names[:3])) == len(set(names[3:])) == 1
    assert names[0] != names[3]


def test_a_killed_task_takes_its_children_along_and_is_tried_again(
    processes: AirflowProcesses, airflow: Airflow
) -> None:
    processes.lay_down({"ingest": ["hang", 99]})
    run = airflow.trigger(INGESTION, {})
    note = processes.home / "hanging.json"
    pids = Deadline(PATIENCE_SECONDS).wait_for(
        lambda: json.loads(note.read_text()) if note.exists() and note.stat().st_size else None,
        "the task to hang",
        lambda: "",
    )

    os.kill(psutil.Process(pids[0]).ppid(), signal.SIGKILL)
    follow(airflow, run, Deadline(PATIENCE_SECONDS))

    assert processes.verbs() == ["open", "ingest", "ingest"]
    assert not [pid for pid in pids if psutil.pid_exists(pid)]


@pytest.mark.parametrize(
    "conf",
    [
        pytest.param({"to": "1998-03-09; touch stolen"}, id="a KEY with a command"),
        pytest.param({"from": "--help"}, id="a KEY like an option"),
        pytest.param({"file": "rows.csv"}, id="a relative path"),
        pytest.param({"file": ["/rows.csv"]}, id="a list"),
    ],
)
def test_params_out_of_pattern_start_no_run(airflow: Airflow, conf: dict[str, object]) -> None:
    with pytest.raises(AirflowRefused, match="400"):
        airflow.trigger(INGESTION, conf)


def test_shell_characters_in_a_path_reach_the_command_as_they_are(
    processes: AirflowProcesses, airflow: Airflow
) -> None:
    processes.lay_down({"ingest": [99]})
    file = f"/a b'\"; touch {processes.home}/stolen; $(touch {processes.home}/stolen) {{{{ 1 }}}}"
    conf = {"from": "1998-03-09", "to": "1998-03-09", "file": file}

    run = airflow.trigger(INGESTION, conf)
    follow(airflow, run, Deadline(PATIENCE_SECONDS))

    assert processes.calls()[-1][4:] == ["--partition=1998-03-09", f"--file={file}"]
    assert not (processes.home / "stolen").exists()


@pytest.fixture(scope="module")
def approval(processes: AirflowProcesses) -> Airflow:
    """Airflow with `deploy.approval` on, from here to the end of this file."""
    return ask_for_approvals(processes)


def test_a_deployment_waits_for_a_person_and_deploys_the_version_that_was_approved(
    processes: AirflowProcesses, airflow: Airflow, approval: Airflow
) -> None:
    run = airflow.trigger(DEPLOYMENT, {})
    question = wait_for(lambda: open_question(airflow, run), "the question")
    before = processes.verbs()

    ended = follow_with_answers(airflow, run, "Approve")

    assert question["subject"] == "Deploy recommender@v7.0.0?"
    assert before == ["package"]
    assert processes.calls()[1:] == [["deploy", "--version=recommender@v7.0.0"]]
    assert not ended.skipped("deploy")


def test_a_rejected_deployment_is_skipped(
    processes: AirflowProcesses, airflow: Airflow, approval: Airflow
) -> None:
    run = airflow.trigger(DEPLOYMENT, {})

    ended = follow_with_answers(airflow, run, "Reject")

    assert ended.skipped("deploy")
    assert processes.verbs() == ["package"]


def test_each_key_of_a_live_source_has_its_run_and_a_backfill_takes_its_turn_beside_them(
    processes: AirflowProcesses, airflow: Airflow
) -> None:
    processes.lay_down({"commit": [99]})  # so that no training follows
    last = (datetime.now(UTC) - timedelta(minutes=10)).replace(minute=0, second=0, microsecond=0)
    keys = [last - n * HOUR for n in range(5, 0, -1)]  # `last` has not ended, or just so

    processes.settle(clock="wall", grain="hour", since=keys[2].isoformat())
    wait_for(lambda: is_periodic(airflow), "the schedule")
    body = {"dag_id": INGESTION, "from_date": keys[0].isoformat(), "to_date": keys[3].isoformat()}
    # On SQLite Airflow answers 503 while somebody else writes, and undoes its part: asked again.
    wait_for(lambda: airflow._ask("POST", "/backfills", json=body), "the backfill")
    wait_for(lambda: of_keys(airflow) >= 5 and not at_work(airflow), "all runs to end")

    tasks = sorted(ingestion_tasks(airflow), key=lambda task: str(task["start_date"]))
    ingested = [words[4:] for words in processes.calls() if words[3:4] == ["ingest"]]
    named = [f"{key:{KEY_FORM}}" for key in keys]
    assert {f"--from={key}" for key in named} <= {words[0] for words in ingested}
    assert all(first[7:] == last[5:] for first, last in ingested)
    assert len({first for first, _ in ingested}) == len(ingested)
    assert all(one["end_date"] <= next_one["start_date"] for one, next_one in pairwise(tasks))


def is_periodic(airflow: Airflow) -> bool:
    """Whether ingestion is scheduled by now."""
    return bool(airflow._ask("GET", f"/dags/{INGESTION}")["timetable_summary"])


def runs_of_keys(airflow: Airflow) -> list[dict[str, object]]:
    """Ingestion runs that are for a KEY."""
    runs = airflow._ask("GET", f"/dags/{INGESTION}/dagRuns", params={"limit": 100})["dag_runs"]
    return [run for run in runs if run["run_type"] in ("scheduled", "backfill")]


def of_keys(airflow: Airflow) -> int:
    """How many of them there are."""
    return len(runs_of_keys(airflow))


def at_work(airflow: Airflow) -> bool:
    """Whether one of them has not ended."""
    return any(run["state"] in ("queued", "running") for run in runs_of_keys(airflow))


def ingestion_tasks(airflow: Airflow) -> list[dict[str, object]]:
    """All tasks of runs that are for a KEY, which have run."""
    found = []
    for run in runs_of_keys(airflow):
        path = DagRun(INGESTION, str(run["dag_run_id"]), "").path
        tasks = airflow._ask("GET", f"{path}/taskInstances")["task_instances"]
        found += [task for task in tasks if task["start_date"]]
    return found
