"""Comparison of a slot's answers with the golden ones, and the HTTP form of a golden request."""

from pathlib import Path

import httpx
import pytest

from pipelines.errors import GoldenMismatch
from pipelines.rollout import golden

HEADS = ["like", "rating"]
EXPECTED = {
    "n_items": 2,
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


def make_long_slate() -> list[dict[str, object]]:
    """Six items, of which the expected answer names the first two and the last two."""
    return [
        {"item_id": name, "score": 9.0 - place, "predictions": {"like": 0.5, "rating": 3.0}}
        for place, name in enumerate("abcdef")
    ]


LONG = {
    "n_items": 6,
    "item_ids": ["a", "b", "e", "f"],
    "scores": [9.0, 8.0, 5.0, 4.0],
    "predictions": [[0.5, 3.0]] * 4,
}


def test_a_long_slate_is_compared_at_both_ends() -> None:
    assert golden.difference(make_long_slate(), LONG, HEADS) is None


@pytest.mark.parametrize("place", [0, 1, 4, 5])
def test_a_changed_score_at_either_end_of_a_long_slate_is_told(place: int) -> None:
    slate = make_long_slate()
    slate[place]["score"] = 100.0

    assert "scores 100.0" in str(golden.difference(slate, LONG, HEADS))


def test_an_unnamed_item_may_stand_only_where_the_list_breaks_off() -> None:
    first, second = make_long_slate(), make_long_slate()
    first[0]["item_id"] = second[1]["item_id"] = "other"

    assert golden.difference(first, LONG, HEADS) is not None
    assert golden.difference(second, LONG, HEADS) is None


def test_an_empty_slate_is_what_an_excluded_catalogue_must_give() -> None:
    nothing = {"n_items": 0, "item_ids": [], "scores": [], "predictions": []}

    assert golden.difference([], nothing, HEADS) is None
    assert golden.difference(make_slate(), nothing, HEADS) == "2 items, expected 0"


def test_golden_requests_of_older_code_are_refused(tmp_path: Path) -> None:
    (tmp_path / "golden.json").write_text('{"schema": 1, "requests": []}')
    (tmp_path / "manifest.json").write_text('{"heads": [], "item_ids": []}')

    with httpx.Client() as client, pytest.raises(GoldenMismatch, match="schema 1, and not 2"):
        golden.replay(client, "http://localhost", tmp_path)


def test_request_excludes_the_catalogue_where_nothing_is_allowed() -> None:
    asked = {"history": [], "profile": {}, "now": 2, "k": 5, "allow": "none"}

    assert golden.as_request(asked, ["a", "b"])["exclude"] == ["a", "b"]


def test_request_names_history_profile_and_moment() -> None:
    asked = {
        "allow": "all",
        "name": "one",
        "history": [{"item_id": "7", "event": "rating", "value": 4.0, "timestamp": 1_000_001}],
        "profile": {"age": "24"},
        "now": 2_000_000,
        "k": 5,
    }

    body = golden.as_request(asked, ["7", "50"])

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
        "exclude": [],
        "context": {"timestamp": "1970-01-01T00:00:02Z"},
    }
