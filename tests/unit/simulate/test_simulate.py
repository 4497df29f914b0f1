from typing import Any

import pytest

from pipelines.errors import RunFailed
from pipelines.simulate import step


def make_status(version: str, verdict: str, *keys: str) -> dict[str, Any]:
    return {
        "champion": {"version": version},
        "last_verdict": {"verdict": verdict, "reason": "why"},
        "partitions": [{"key": key, "tag": f"data/{key}"} for key in keys],
    }


def test_an_arrival_names_its_partition_and_the_version_that_went_live() -> None:
    before, after = make_status("v1", "ship", "a"), make_status("v2", "ship", "a", "b")

    arrival = step._arrival(before, after)

    assert (arrival.partition, arrival.data_tag, arrival.version) == ("b", "data/b", "v2")


def test_an_arrival_that_was_held_leaves_the_version_as_it_was() -> None:
    before, after = make_status("v1", "ship", "a"), make_status("v1", "hold", "a", "b")

    arrival = step._arrival(before, after)

    assert (arrival.verdict, arrival.version) == ("hold", None)


def test_an_amended_partition_is_the_one_that_arrived() -> None:
    before, after = make_status("v1", "ship", "a", "b"), make_status("v1", "ship", "a", "b")
    after["partitions"][0]["tag"] = "data/a.r2"

    assert step._arrival(before, after).partition == "a"


@pytest.mark.parametrize(
    ("dag_id", "task_id", "was", "is_now", "expected"),
    [
        ("recommender_training", "register", "ship", "reject", True),
        ("recommender_training", "register", "ship", "ship", False),
        ("recommender_training", "register", "reject", "reject", False),
        ("recommender_training", "gate", "ship", "reject", False),
        ("recommender_deployment", "register", "ship", "reject", False),
    ],
    ids=["rejected", "shipped-and-broken", "rejected-before", "other-task", "other-dag"],
)
def test_a_failed_run_is_an_outcome_only_where_the_gate_has_just_rejected(
    dag_id: str, task_id: str, was: str, is_now: str, expected: bool
) -> None:
    failure = RunFailed(dag_id, task_id, "page", [])
    before, after = make_status("v1", was, "a"), make_status("v1", is_now, "a", "b")

    assert step._is_reject(failure, before, after) == expected


def test_a_failed_run_without_any_verdict_is_no_reject() -> None:
    nothing = {**make_status("v1", "ship", "a"), "last_verdict": None}

    assert not step._is_reject(
        RunFailed("recommender_training", "register", "page", []), nothing, nothing
    )
