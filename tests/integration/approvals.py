"""A person whom Airflow asks before a deployment, by REST."""

import time

from pipelines.airflow import DEPLOYMENT, Airflow, DagRun, Deadline, Finished, follow
from tests.integration.airflow_processes import AirflowProcesses

PATIENCE_SECONDS = 180
READING_SECONDS = 2


def ask_for_approvals(processes: AirflowProcesses) -> Airflow:
    """Sets `deploy.approval`, from here on."""
    processes.settle(approval=True)
    wait_for(lambda: "approve" in task_ids(processes.client), "the DAG with the approval")
    return processes.client


def wait_for(look, what: str):  # type: ignore[no-untyped-def]  # whatever it finds
    """What `look` finds, once it is something."""
    return Deadline(PATIENCE_SECONDS).wait_for(lambda: look() or None, what, lambda: "")


def task_ids(airflow: Airflow) -> list[str]:
    """The tasks of the deployment as Airflow knows them by now."""
    return [task["task_id"] for task in airflow._ask("GET", f"/dags/{DEPLOYMENT}/tasks")["tasks"]]


def state_of_approve(airflow: Airflow, run: DagRun) -> str | None:
    """The state of the task that asks a person."""
    return {task.task_id: task.state for task in airflow.tasks(run)}["approve"]


def open_question(airflow: Airflow, run: DagRun) -> dict[str, object] | None:
    """What a person is asked in a run, once the task waits for it."""
    if state_of_approve(airflow, run) != "awaiting_input":
        return None
    (question,) = airflow._ask("GET", f"{run.path}/hitlDetails")["hitl_details"]
    return dict(question)


def answer(airflow: Airflow, run: DagRun, option: str) -> None:
    """A person's answer, by REST."""
    body = {"chosen_options": [option], "params_input": {}}
    airflow._ask("PATCH", f"{run.path}/taskInstances/approve/-1/hitlDetails", json=body)


def follow_with_answers(airflow: Airflow, run: DagRun, option: str) -> Finished:
    """The run's end, with a person who answers each time Airflow asks.

    It asks again when an answer came before its scheduler had seen that the asking ended
    (apache/airflow#72716).
    """

    def look() -> bool:
        if open_question(airflow, run):
            time.sleep(READING_SECONDS)
            answer(airflow, run, option)
        return airflow.state(run) in ("success", "failed")

    wait_for(look, "the run to end")
    return follow(airflow, run, Deadline(PATIENCE_SECONDS))
