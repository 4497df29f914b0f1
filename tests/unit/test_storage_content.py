"""Tables, digests, locks and instants: what else is behind the door to files."""

import os
from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from pipelines import storage
from pipelines.errors import LockHeld

# --- tables and digests


def test_a_table_comes_back_as_it_was_with_opaque_ids(tmp_path: Path) -> None:
    frame = pd.DataFrame(
        {
            "item_id": ["007", "7", " 7", "NA", "-9223372036854775808", "über"],
            "timestamp": pd.to_datetime([1, 2, 3, 4, 5, 6], unit="us", utc=True).as_unit("us"),
            "value": pd.Series([1.5, None, 2.5, None, 0.0, -1.0], dtype="float32"),
        }
    )

    storage.write_table(tmp_path / "t.parquet", frame)

    back = storage.read_table(tmp_path / "t.parquet")
    assert back["item_id"].tolist() == frame["item_id"].tolist()
    assert back["timestamp"].tolist() == frame["timestamp"].tolist()
    assert back["value"].dtype == "float32"
    assert back["value"].isna().tolist() == [False, True, False, True, False, False]


def test_equal_frames_give_equal_bytes_whatever_their_index(tmp_path: Path) -> None:
    frame = pd.DataFrame({"item_id": ["a", "b"], "n": [1, 2]})

    storage.write_table(tmp_path / "one.parquet", frame)
    storage.write_table(tmp_path / "two.parquet", frame.set_axis([7, 9], axis="index"))

    assert (tmp_path / "one.parquet").read_bytes() == (tmp_path / "two.parquet").read_bytes()


def test_a_tree_digest_is_what_the_shell_says(tmp_path: Path) -> None:
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "c").write_bytes(b"2")
    (tmp_path / "a").write_bytes(b"1")

    # The shell's answer, with 1 and 2 for what sha256sum says of "1" and of "2":
    # printf 'a\0%s\nb/c\0%s\n' $1 $2 piped into sha256sum
    expected = "d650ac2ac77bae628292e67aa8832a55eebd698ed1c5101a15f063dbe3822ec6"
    assert storage.tree_digest(tmp_path) == expected


@pytest.mark.parametrize("change", ["content", "name", "addition"])
def test_a_tree_digest_changes_with_any_content_or_name(tmp_path: Path, change: str) -> None:
    (tmp_path / "a").write_bytes(b"1")
    before = storage.tree_digest(tmp_path)

    changes: dict[str, Callable[[], object]] = {
        "content": lambda: (tmp_path / "a").write_bytes(b"2"),
        "name": lambda: (tmp_path / "a").rename(tmp_path / "b"),
        "addition": lambda: (tmp_path / "b").write_bytes(b""),
    }
    changes[change]()

    assert storage.tree_digest(tmp_path) != before


# --- locks


def test_a_held_lock_names_its_holder(tmp_path: Path) -> None:
    first = storage.lock(tmp_path / "deploy", "deploy")
    second = storage.lock(tmp_path / "deploy", "rollback")

    with first, pytest.raises(LockHeld) as held:
        second.__enter__()

    assert f"pid {os.getpid()}, deploy, since " in held.value.message


def test_a_lock_is_free_after_its_block_even_if_that_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), storage.lock(tmp_path / "deploy", "deploy"):
        raise ZeroDivisionError

    with storage.lock(tmp_path / "deploy", "rollback"):
        assert "rollback" in (tmp_path / "deploy").read_text()


# --- time


@pytest.mark.parametrize(
    ("micros", "text"),
    [
        pytest.param(0, "1970-01-01T00:00:00Z", id="epoch"),
        pytest.param(1, "1970-01-01T00:00:00.000001Z", id="one microsecond"),
        pytest.param(-1, "1969-12-31T23:59:59.999999Z", id="before the epoch"),
        # date -u -d @893286638 +%FT%TZ, the last MovieLens-100K event
        pytest.param(893_286_638_000_000, "1998-04-22T23:10:38Z", id="MovieLens"),
        pytest.param(4_102_444_800_123_456, "2100-01-01T00:00:00.123456Z", id="no float rounding"),
    ],
)
def test_micros_become_rfc_3339_exactly(micros: int, text: str) -> None:
    assert storage.micros_to_rfc3339(micros) == text
    assert storage.micros(pd.Timestamp(text).to_pydatetime()) == micros
