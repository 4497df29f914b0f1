import math

import pytest

from services.recommender import query
from services.recommender.online import Event
from services.recommender.schemas import HistoryEntry

NOW = 1_000_000


def entry(item_id: str, timestamp: str | None = None) -> HistoryEntry:
    return HistoryEntry(item_id=item_id, timestamp=timestamp)


def event(item_id: str, timestamp: int, value: float | None = None) -> Event:
    return Event(item_id, "rating", value, timestamp)


def test_entries_without_a_timestamp_happened_just_before_now_in_the_order_given() -> None:
    events = query.given_events([entry("a"), entry("b"), entry("c")], NOW, "rating")

    assert [(e.item_id, e.timestamp) for e in events] == [
        ("a", NOW - 3),
        ("b", NOW - 2),
        ("c", NOW - 1),
    ]


def test_entries_with_timestamps_are_put_in_time_order() -> None:
    entries = [
        entry("late", "1970-01-01T00:00:00.5Z"),
        entry("now"),
        entry("early", "1970-01-01T00:00:00.1Z"),
    ]

    events = query.given_events(entries, NOW, "rating")

    assert [e.item_id for e in events] == ["early", "late", "now"]


def test_entries_at_one_instant_keep_their_order() -> None:
    same = "1970-01-01T00:00:00.5Z"

    events = query.given_events([entry("b", same), entry("a", same)], NOW, "rating")

    assert [e.item_id for e in events] == ["b", "a"]


def test_an_entry_without_an_event_has_the_positive_one() -> None:
    tasks = [
        {"name": "like", "kind": "binary", "label": {"value": {"at_least": 4}}},
        {"name": "watch", "kind": "retrieval", "positive": {"event": "purchase"}},
    ]

    events = query.given_events([entry("a")], NOW, query.positive_event(tasks))

    assert events[0].event == "purchase"


@pytest.mark.parametrize(
    "tasks",
    [
        [],
        [{"name": "like", "kind": "binary"}],
        [{"name": "watch", "kind": "retrieval", "positive": {"event": None, "value": 1}}],
    ],
    ids=["no task", "no retrieval", "any event is positive"],
)
def test_without_a_positive_event_an_entry_is_a_view(tasks: list[dict[str, object]]) -> None:
    assert query.positive_event(tasks) == "view"


def test_the_history_of_a_query_is_strictly_earlier_than_now() -> None:
    events = [event("before", NOW - 1), event("now", NOW), event("after", NOW + 1)]

    built = query.build(events, {}, [], NOW, limit=10)

    assert list(built.item_ids) == ["before"]


@pytest.mark.parametrize(("limit", "expected"), [(2, ["b", "c"]), (0, []), (9, ["a", "b", "c"])])
def test_the_newest_events_are_kept_oldest_first(limit: int, expected: list[str]) -> None:
    events = [event("a", 1), event("b", 2), event("c", 3)]

    assert list(query.build(events, {}, [], NOW, limit).item_ids) == expected


def test_a_missing_value_is_nan_and_a_missing_profile_field_is_empty() -> None:
    built = query.build([event("a", 1)], {"age": "24", "x": "y"}, ["job", "age"], NOW, 10)

    assert math.isnan(built.values[0])
    assert list(built.profile) == ["", "24"]
