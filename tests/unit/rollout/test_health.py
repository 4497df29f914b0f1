"""Questions to services are asked at once, and none is waited for longer than all of them."""

import threading
import time

from pipelines.rollout import health


def test_answers_that_come_in_time_are_kept_and_a_hanging_service_is_left_behind() -> None:
    release = threading.Event()
    hanging = {f"hanging {number}": release.wait for number in range(20)}
    start = time.monotonic()

    answers = health.together({"quick": lambda: True, **hanging}, seconds=0.5)

    assert answers == {"quick": True}
    assert time.monotonic() - start < 20 * 0.5 / 2  # one after the other would take 10 s
    release.set()


def test_a_port_where_nobody_listens_is_not_healthy() -> None:
    assert not health.airflow_is_healthy(1)
    assert not health.gateway_is_healthy(1)
