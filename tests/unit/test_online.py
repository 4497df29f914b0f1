"""The online store's content, from accepted frames."""

import sqlite3
from pathlib import Path

import pandas as pd
import pytest

from pipelines import online

KINDS = online.Kinds(
    users={"age": "number", "gender": "category"},
    items={"title": "text", "year": "number", "genres": "tags"},
)
META = {"data_version": "data/1998-03-09", "clock_mode": "replay", "newest_end": "7"}


def make_interactions(rows: list[tuple[str, str, int, float | None, str]]) -> pd.DataFrame:
    """Interactions from (user, item, second, value, event_id)."""
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp", "value", "event_id"])
    instants = pd.to_datetime(frame["timestamp"], unit="s", utc=True)
    return frame.assign(
        timestamp=instants.astype("datetime64[us, UTC]"),
        event="rating",
        value=frame["value"].astype("float32"),
    )


def make_tables() -> online.AcceptedTables:
    """Two users; `a` has three events, two of them at one instant; ids that are no numbers."""
    users = pd.DataFrame({"user_id": ["p1_a"], "age": [24.0], "gender": ["F"]})
    newer = pd.DataFrame({"user_id": ["p1_a"], "age": [25.0], "gender": [None]})
    items = pd.DataFrame(
        {
            "item_id": ["007", "-5"],
            "title": ["Bond", None],
            "year": [1995.0, None],
            "genres": [["Action", "Crime"], []],
        }
    )
    interactions = make_interactions(
        [
            ("p1_a", "007", 20, 4.0, "e2"),
            ("p1_a", "-5", 20, None, "e1"),
            ("p1_a", "007", 10, 3.0, "e0"),
            ("p1_b", "-5", 5, 1.0, "e3"),
        ]
    )
    return online.AcceptedTables(interactions, [users, newer], items)


def rows(path: Path, query: str) -> list[tuple[object, ...]]:
    """Rows of a query, read only as the service reads."""
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    try:
        return connection.execute(query).fetchall()
    finally:
        connection.close()


@pytest.fixture
def store(tmp_path: Path) -> Path:
    path = tmp_path / "online.sqlite"
    online.build(path, make_tables(), KINDS, META, max_events=2)
    return path


def test_newest_events_are_kept_in_order_of_time_then_event_id(store: Path) -> None:
    found = rows(store, "SELECT seq, item_id, value, timestamp FROM events WHERE user_id = 'p1_a'")

    # of three events the oldest falls out; e1 before e2 at the same instant
    assert found == [(0, "-5", None, 20_000_000), (1, "007", 4.0, 20_000_000)]


def test_all_seen_items_are_kept_whatever_fell_out_of_the_history(store: Path) -> None:
    assert rows(store, "SELECT * FROM seen") == [("p1_a", "-5"), ("p1_a", "007"), ("p1_b", "-5")]


def test_newest_profile_counts_and_leaves_out_what_is_unknown(store: Path) -> None:
    assert rows(store, "SELECT * FROM users") == [("p1_a", '{"age": "25"}')]


def test_item_fields_keep_their_types(store: Path) -> None:
    assert rows(store, "SELECT * FROM items") == [
        ("-5", '{"genres": [], "title": null, "year": null}'),
        ("007", '{"genres": ["Action", "Crime"], "title": "Bond", "year": 1995}'),
    ]


def test_meta_is_what_was_given(store: Path) -> None:
    assert dict(rows(store, "SELECT * FROM meta")) == META  # type: ignore[arg-type]  # rows of two


def test_equal_content_gives_equal_bytes(store: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.sqlite"

    online.build(again, make_tables(), KINDS, META, max_events=2)

    assert again.read_bytes() == store.read_bytes()


def test_new_content_is_another_file_and_leaves_nothing_beside_it(store: Path) -> None:
    before = store.stat().st_ino

    online.build(store, make_tables(), KINDS, META, max_events=1)

    assert store.stat().st_ino != before
    assert [path.name for path in store.parent.iterdir()] == ["online.sqlite"]
    assert rows(store, "SELECT count(*) FROM events WHERE user_id = 'p1_a'") == [(1,)]
