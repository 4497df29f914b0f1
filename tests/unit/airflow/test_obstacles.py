from dataclasses import dataclass, field

import pytest

from pipelines.airflow import obstacles
from pipelines.airflow.client import Component, Task
from pipelines.errors import AirflowUnreachable

SEEN = "2026-03-01T10:20:30.123456Z"
WELL = [Component("metadatabase", "healthy", None), Component("scheduler", "healthy", SEEN)]


@dataclass
class Answers:
    """An Airflow that answers so; without components it does not answer."""

    components: list[Component]
    programs: dict[str, str] = field(default_factory=dict)

    def health(self) -> list[Component]:
        if not self.components:
            raise AirflowUnreachable("refused")
        return self.components

    def stopped(self) -> dict[str, str]:
        return self.programs


def ill(components: list[Component], programs: dict[str, str] | None = None) -> str:
    return obstacles.ill(Answers(components, programs or {}))  # type: ignore[arg-type]  # answers


def test_all_well_is_no_obstacle() -> None:
    assert ill(WELL) == ""


def test_an_unhealthy_component_is_named_with_its_last_sign_of_life_and_the_remedy() -> None:
    sick = [WELL[0], Component("scheduler", "unhealthy", SEEN)]

    assert ill(sick) == (
        "scheduler is unhealthy, last seen at 2026-03-01T10:20:30Z; "
        "`tandem up` starts what does not run"
    )


def test_a_program_that_was_stopped_counts_before_its_heartbeat_is_missed() -> None:
    assert ill(WELL, {"scheduler": "stopped"}).startswith(
        "scheduler is stopped, last seen at 2026-03-01T10:20:30Z;"
    )


def test_a_stopped_api_server_is_named_although_it_cannot_say_so() -> None:
    assert ill([], {"api_server": "stopped"}).startswith("api_server is stopped;")


def test_an_airflow_that_does_not_answer_though_all_runs_is_unreachable() -> None:
    with pytest.raises(AirflowUnreachable):
        ill([])


@pytest.mark.parametrize(
    ("states", "expected"),
    [
        pytest.param(["success", "running"], "", id="one runs"),
        pytest.param(["awaiting_input"], "task0 waits for a person's answer at PAGE", id="asks"),
        pytest.param(["up_for_retry", None], "task0 will be tried again", id="tried again"),
        pytest.param([None], "no task is scheduled yet", id="none yet"),
    ],
)
def test_why_no_task_runs_is_said(states: list[str | None], expected: str) -> None:
    tasks = [Task(f"task{number}", state, 0.0, 1) for number, state in enumerate(states)]

    assert obstacles.idle(tasks, "PAGE") == expected
