"""Comparison of a slot's answers with the golden ones, and the HTTP form of a golden request."""

import pytest

from pipelines.rollout import golden

HEADS = ["like", "rating"]
EXPECTED = {
    "item_ids": ["50", "181"],
    "scores": [2.0, 1.0],
    "predictions": [[0.9, 4.5], [0.5, 3.5]],
}


def make_slate() -> list[dict[str, object]]:
    """The slate that `EXPECTED` asks for."""
    return [
        {"item_id": "50", "score": 2.0, "predictions": {"like": 0.9, "rating": 4.5}},
        {"item_id": "181", "score": 1.0, "predictions": {"like": 0.5, "rating": 3.5}},
    ]


def test_the_expected_slate_does_not_differ() -> None:
    assert golden.difference(make_slate(), EXPECTED, HEADS) is None


def test_rounding_of_another_processor_is_no_difference() -> None:
    slate = make_slate()
    slate[0]["score"] = 2.0 + golden.TOLERANCE / 2

    assert golden.difference(slate, EXPECTED, HEADS) is None


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"score": 1.9}, "item '50' scores 1.9, expected 2.0"),
        ({"item_id": "181"}, "item '181' scores 2.0, expected 1.0"),
        ({"predictions": {"like": 0.1, "rating": 4.5}}, "item '50': like 0.1, expected 0.9"),
        ({"predictions": {"like": 0.9, "rating": None}}, "item '50': rating None, expected 4.5"),
    ],
    ids=["score", "order", "prediction", "prediction missing"],
)
def test_another_answer_is_told_by_item_and_value(changes: dict[str, object], told: str) -> None:
    slate = make_slate()
    slate[0].update(changes)

    assert golden.difference(slate, EXPECTED, HEADS) == told


def test_a_shorter_slate_differs() -> None:
    assert golden.difference(make_slate()[:1], EXPECTED, HEADS) == "1 items, expected 2"


def test_items_of_equal_score_may_change_places() -> None:
    expected = {**EXPECTED, "scores": [1.0, 1.0], "predictions": [[0.9, 4.5], [0.5, 3.5]]}
    slate = make_slate()[::-1]
    slate[1]["score"] = 1.0

    assert golden.difference(slate, expected, HEADS) is None


def test_request_names_history_profile_and_moment() -> None:
    asked = {
        "name": "one",
        "history": [{"item_id": "7", "event": "rating", "value": 4.0, "timestamp": 1_000_001}],
        "profile": {"age": "24"},
        "now": 2_000_000,
        "k": 5,
    }

    body = golden.as_request(asked)

    assert body == {
        "history": [
            {
                "item_id": "7",
                "event": "rating",
                "value": 4.0,
                "timestamp": "1970-01-01T00:00:01.000001Z",
            }
        ],
        "profile": {"age": "24"},
        "k": 5,
        "exclude_seen": False,
        "context": {"timestamp": "1970-01-01T00:00:02Z"},
    }
