import sqlite3
from pathlib import Path

import pytest

from services.recommender.identity import pseudonym
from services.recommender.online import Clock, OnlineStore, StoreUnavailable
from tests.integration.serving import IDENTITY_KEY, NEWEST_END_US, write_online_store

MINUTE_US = 60_000_000
EVER_US = 2**62


def opened(path: Path) -> OnlineStore:
    store = OnlineStore(path)
    store.refresh()
    return store


def name(user_id: str) -> str:
    return pseudonym(IDENTITY_KEY, user_id)


def test_the_replay_clock_runs_on_from_the_newest_partition() -> None:
    clock = Clock("replay", newest_end=1_000, accepted_at=50)

    assert clock.now(wall=57) == 1_007


def test_the_wall_clock_is_the_wall_clock() -> None:
    assert Clock("wall", newest_end=1_000, accepted_at=50).now(wall=57) == 57


def test_history_is_the_newest_before_the_moment_oldest_first(tmp_path: Path) -> None:
    write_online_store(tmp_path / "online.sqlite", {"196": ["a", "b", "c", "d"]}, {})

    user = opened(tmp_path / "online.sqlite").user(
        name("196"), before=NEWEST_END_US - MINUTE_US, limit=2
    )

    # d happened exactly at `before` and is not earlier
    assert [event.item_id for event in user.history] == ["b", "c"]
    assert user.seen == {"a", "b", "c", "d"}
    assert user.profile == {"age": "24"}


def test_a_stranger_is_not_known(tmp_path: Path) -> None:
    write_online_store(tmp_path / "online.sqlite", {"196": ["a"]}, {})

    user = opened(tmp_path / "online.sqlite").user(name("197"), EVER_US, 10)

    assert not user.is_known
    assert not user.history


def test_item_fields_are_found_for_more_ids_than_one_statement_takes(tmp_path: Path) -> None:
    write_online_store(tmp_path / "online.sqlite", {}, {"zz": "Z"})
    item_ids = [*(f"no item {number}" for number in range(1_200)), "zz"]

    fields = opened(tmp_path / "online.sqlite").item_fields(item_ids)

    assert fields == {"zz": {"title": "Z", "year": 1997}}


def test_a_replaced_store_is_followed(tmp_path: Path) -> None:
    path = tmp_path / "online.sqlite"
    write_online_store(path, {"196": ["a"]}, {})
    store = opened(path)

    write_online_store(path, {"196": ["a", "b"]}, {})
    store.refresh()

    assert store.user(name("196"), EVER_US, 10).seen == {"a", "b"}


def test_a_store_that_goes_bad_leaves_the_open_one(tmp_path: Path) -> None:
    path = tmp_path / "online.sqlite"
    write_online_store(path, {"196": ["a"]}, {})
    store = opened(path)

    (tmp_path / "bad").write_bytes(b"not a database, but long enough to be looked at" * 100)
    (tmp_path / "bad").replace(path)
    store.refresh()

    assert store.user(name("196"), EVER_US, 10).seen == {"a"}


@pytest.mark.parametrize("content", [None, b"", b"x" * 4_096], ids=["missing", "empty", "garbage"])
def test_what_is_no_store_is_not_opened(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "online.sqlite"
    if content is not None:
        path.write_bytes(content)

    with pytest.raises(StoreUnavailable):
        OnlineStore(path).refresh()


def test_the_store_cannot_be_written(tmp_path: Path) -> None:
    write_online_store(tmp_path / "online.sqlite", {}, {})
    store = opened(tmp_path / "online.sqlite")

    with pytest.raises(StoreUnavailable):
        store._rows("DELETE FROM items", [])  # the only way in; nothing public writes
    assert sqlite3.connect(tmp_path / "online.sqlite").execute("SELECT count(*) FROM items")
