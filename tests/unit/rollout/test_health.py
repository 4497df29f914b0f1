"""Questions to services are asked at once, and none is waited for longer than all of them."""

import threading
import time

from pipelines.rollout import health


def test_answers_that_come_in_time_are_kept_and_a_hanging_service_is_left_behind() -> None:
    release = threading.Event()
    questions = {"quick": lambda: True, "first": release.wait, "second": release.wait}
    start = time.monotonic()

    answers = health.together(questions, seconds=0.2)

    assert answers == {"quick": True}
    assert time.monotonic() - start < 2 * 0.2 + 0.1
    release.set()


def test_a_port_where_nobody_listens_is_not_healthy() -> None:
    assert not health.airflow_is_healthy(1)
    assert not health.gateway_is_healthy(1)
