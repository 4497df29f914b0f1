from typing import Any

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
