"""Faults of Airflow itself: a real one, whose tasks call a scripted stand-in for `tandem`."""

import signal
import time
from collections.abc import Iterator

import pytest

from pipelines.airflow import DEPLOYMENT, INGESTION, Deadline, follow
from pipelines.errors import WaitedTooLong
from tests.integration.airflow_processes import AirflowProcesses, running
from tests.integration.approvals import (
    PATIENCE_SECONDS,
    answer,
    ask_for_approvals,
    follow_with_answers,
    open_question,
    state_of_approve,
    wait_for,
)

STILL_SECONDS = 40  # Airflow calls a scheduler unhealthy after 30


@pytest.fixture(scope="module")
def processes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[AirflowProcesses]:
    yield from running(tmp_path_factory.mktemp("airflow"))


@pytest.mark.fault(50)
def test_a_scheduler_that_stands_still_is_named_and_the_run_goes_on_when_it_is_back(
    processes: AirflowProcesses,
) -> None:
    processes.lay_down({"ingest": [99]})
    airflow = processes.client
    processes.signal("scheduler", signal.SIGSTOP)
    try:
        run = airflow.trigger(INGESTION, {})
        with pytest.raises(WaitedTooLong, match="to end: scheduler is unhealthy, last seen at 20"):
            follow(airflow, run, Deadline(STILL_SECONDS))
    finally:
        processes.signal("scheduler", signal.SIGCONT)

    assert follow(airflow, run, Deadline(PATIENCE_SECONDS)).skipped("ingest")


@pytest.mark.fault(50)
def test_an_answer_that_the_scheduler_overlooks_is_asked_for_again_and_deploys_once(
    processes: AirflowProcesses,
) -> None:
    processes.lay_down({})
    airflow = ask_for_approvals(processes)
    run = airflow.trigger(DEPLOYMENT, {})
    end = time.monotonic() + PATIENCE_SECONDS
    while state_of_approve(airflow, run) in (None, "scheduled", "queued"):
        assert time.monotonic() < end
        time.sleep(0.02)  # it is at work for a tenth of a second
    processes.signal_main("scheduler", signal.SIGSTOP)
    try:
        wait_for(lambda: open_question(airflow, run), "the question")
        answer(airflow, run, "Approve")  # before the scheduler has seen that the asking ended
    finally:
        processes.signal_main("scheduler", signal.SIGCONT)

    follow_with_answers(airflow, run, "Approve")

    assert processes.calls()[1:] == [["deploy", "--version=recommender@v7.0.0"]]
