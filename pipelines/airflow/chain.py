"""One ingestion run followed to the end of all that it sets off: training, then deployment."""

from collections.abc import Iterable
from dataclasses import dataclass

from pipelines.airflow.client import Airflow, DagRun, Task
from pipelines.airflow.obstacles import idle, ill
from pipelines.airflow.waiting import Deadline
from pipelines.errors import RunFailed
from pipelines.progress import log, waiting

INGESTION, TRAINING, DEPLOYMENT = DAGS = (
    "recommender_ingestion",
    "recommender_training",
    "recommender_deployment",
)
LAST_TASK = {INGESTION: "commit", TRAINING: "register", DEPLOYMENT: "deploy"}
RUN_ENDED = ("success", "failed")
TASK_TOLD = (
    *("running", "up_for_retry"),
    *("success", "skipped", "failed", "upstream_failed", "removed"),
)
LOG_LINES = 20
ERROR_PARTS = ("error:", "where:", "hint:")


@dataclass(frozen=True)
class Finished:
    """A DAG run that ended well."""

    run: DagRun
    tasks: tuple[Task, ...]

    def skipped(self, task_id: str) -> bool:
        """Whether the task had nothing to do."""
        return any(task.task_id == task_id and task.state == "skipped" for task in self.tasks)


def follow_chain(airflow: Airflow, run: DagRun, deadline: Deadline) -> list[Finished]:
    """Waits until a run and the runs that its assets set off have ended; gives them in order.

    The chain ends early where a run had nothing to hand on: its last task was skipped.

    Raises:
        RunFailed: One of them failed; the error names the task and ends with its log.
        WaitedTooLong: The deadline passed; the error says for what.
    """
    finished = [follow(airflow, run, deadline)]
    for dag_id in DAGS[DAGS.index(run.dag_id) + 1 :]:
        before = finished[-1]
        if before.skipped(LAST_TASK[before.run.dag_id]):
            break
        finished.append(follow(airflow, _next_run(airflow, before.run, dag_id, deadline), deadline))
    return finished


def follow(airflow: Airflow, run: DagRun, deadline: Deadline) -> Finished:
    """Waits for one DAG run's end and says how each task fares.

    Raises:
        RunFailed, WaitedTooLong: As `follow_chain`.
    """
    told: set[tuple[str, str | None, int]] = set()
    page = airflow.run_page(run)
    log(f"{run.dag_id}  {page}")

    with waiting(run.dag_id) as show:

        def look() -> str | None:
            state, tasks = airflow.state(run), airflow.tasks(run)
            _tell(tasks, told)
            show(_doing(run, tasks))
            return state if state in RUN_ENDED else None

        state = deadline.wait_for(
            look,
            f"{run.dag_id} to end",
            lambda: ill(airflow) or idle(airflow.tasks(run), page),
            f"the run goes on in Airflow: {page}",
        )
    tasks = airflow.tasks(run)
    if state == "failed":
        raise _failure(airflow, run, tasks)
    return Finished(run, tuple(tasks))


def ready(airflow: Airflow, deadline: Deadline) -> None:
    """Waits until every component is healthy and the DAGs are read, and lets them run.

    What keeps it is said at once: nothing goes on before it is mended.
    """

    def look() -> bool | None:
        if ill(airflow):
            return None
        return all(airflow.knows(dag_id) for dag_id in DAGS) or None

    deadline.wait_for(
        look,
        "Airflow to be ready",
        lambda: ill(airflow) or "the DAG files are being read",
        silent_seconds=0,
    )
    for dag_id in DAGS:
        airflow.unpause(dag_id)


def _next_run(airflow: Airflow, before: DagRun, dag_id: str, deadline: Deadline) -> DagRun:
    return deadline.wait_for(
        lambda: airflow.set_off(before, dag_id),
        f"{dag_id} to start",
        lambda: ill(airflow) or "it is not scheduled yet",
        f"is {dag_id} paused? see {airflow.url}/dags/{dag_id}",
    )


def _tell(tasks: Iterable[Task], told: set[tuple[str, str | None, int]]) -> None:
    for task in tasks:
        event = (task.task_id, task.state, task.try_number)
        if task.state not in TASK_TOLD or event in told:
            continue
        told.add(event)
        seconds = f"  {task.seconds:.0f} s" if task.state != "running" else ""
        again = f"  (try {task.try_number})" if task.try_number > 1 else ""
        log(f"  {task.task_id:<10} {task.state.replace('_', ' ')}{seconds}{again}")


def _doing(run: DagRun, tasks: Iterable[Task]) -> str:
    running = [f"{task.task_id}, {task.seconds:.0f} s" for task in tasks if task.state == "running"]
    return f"{run.dag_id} {running[0] if running else 'waits'}"


def _failure(airflow: Airflow, run: DagRun, tasks: list[Task]) -> RunFailed:
    failed = next((task for task in tasks if task.state == "failed"), None)
    if failed is None:
        return RunFailed(run.dag_id, None, airflow.run_page(run), [])
    lines = _error_block(airflow.log_tail(run, failed, LOG_LINES))
    return RunFailed(run.dag_id, failed.task_id, airflow.run_page(run), lines)


def _error_block(lines: list[str]) -> list[str]:
    """What the command said last: its error block without Airflow's own lines, if it left one."""
    starts = [number for number, line in enumerate(lines) if line.startswith("error:")]
    if not starts:
        return lines
    return [line for line in lines[starts[-1] :] if line.startswith(ERROR_PARTS)]
