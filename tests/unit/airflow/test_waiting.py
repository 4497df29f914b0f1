import pytest

from pipelines.airflow.waiting import Deadline
from pipelines.errors import AirflowUnreachable, WaitedTooLong


class Clock:
    """A clock that only sleeping moves."""

    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


@pytest.fixture
def clock() -> Clock:
    return Clock()


def make_deadline(clock: Clock, seconds: float) -> Deadline:
    return Deadline(seconds, clock, clock.sleep)


def test_waiting_ends_with_what_was_found(clock: Clock) -> None:
    answers = iter([None, None, "run"])

    found = make_deadline(clock, 60).wait_for(lambda: next(answers), "a run", lambda: "")

    assert found == "run"


def test_an_airflow_that_is_away_is_waited_for(clock: Clock) -> None:
    def look() -> str:
        if clock.now < 30:
            raise AirflowUnreachable("Airflow does not answer")
        return "run"

    assert make_deadline(clock, 60).wait_for(look, "a run", lambda: "") == "run"


def test_the_deadline_says_what_was_waited_for_and_why(clock: Clock) -> None:
    deadline = make_deadline(clock, 60)

    with pytest.raises(WaitedTooLong, match="60 s for a run: scheduler is unhealthy"):
        deadline.wait_for(lambda: None, "a run", lambda: "scheduler is unhealthy")


def test_one_deadline_holds_for_all_waits_together(clock: Clock) -> None:
    deadline = make_deadline(clock, 60)
    deadline.wait_for(lambda: clock.now >= 50 or None, "the first", lambda: "")

    with pytest.raises(WaitedTooLong):
        deadline.wait_for(lambda: clock.now >= 70 or None, "the second", lambda: "")


def test_what_keeps_us_is_said_once_and_not_at_once(
    clock: Clock, capsys: pytest.CaptureFixture[str]
) -> None:
    look = lambda: clock.now >= 40 or None  # noqa: E731 -- read beside its use
    make_deadline(clock, 60).wait_for(look, "a run", lambda: "scheduler is unhealthy")

    said = capsys.readouterr().err
    assert said == "  … waiting for a run: scheduler is unhealthy\n"
