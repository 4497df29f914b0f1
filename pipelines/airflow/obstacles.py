"""Why nothing goes on in Airflow, in words for people; an empty text means that all is well."""

from collections.abc import Iterable

from pipelines.airflow.client import Airflow, Task
from pipelines.errors import AirflowUnreachable

HEALTHY = "healthy"
REMEDY = "`tandem up` starts what does not run"


def ill(airflow: Airflow) -> str:
    """Which components are not healthy, since when, and how to bring them back.

    Raises:
        AirflowUnreachable: Airflow does not answer, though all its programs run.
    """
    stopped = airflow.stopped()
    try:
        components = airflow.health()
    except AirflowUnreachable:
        if not stopped:
            raise
        components = []
    seen = {component.name: component.seen for component in components}
    status = {one.name: one.status for one in components if one.status != HEALTHY} | stopped
    said = [
        f"{name} is {state}" + (f", last seen at {_second(at)}" if (at := seen.get(name)) else "")
        for name, state in status.items()
    ]
    return "; ".join([*said, REMEDY]) if said else ""


def idle(tasks: Iterable[Task], page: str) -> str:
    """Why no task runs."""
    states = {task.task_id: task.state for task in tasks}
    by_state = {state: task_id for task_id, state in states.items()}
    if "running" in by_state:
        return ""
    if "awaiting_input" in by_state:
        return f"{by_state['awaiting_input']} waits for a person's answer at {page}"
    if "up_for_retry" in by_state:
        return f"{by_state['up_for_retry']} will be tried again"
    return "no task is scheduled yet"


def _second(instant: str) -> str:
    """An instant of Airflow's to the second: 2026-03-01T10:20:30Z."""
    return instant.partition(".")[0].removesuffix("Z").removesuffix("+00:00") + "Z"
