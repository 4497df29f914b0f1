"""Prepared rows against accepted partitions, row by row."""

import pandas as pd
import pytest

from pipelines import storage
from pipelines.contracts.data import AcceptedManifest
from pipelines.gate.acceptance import MANIFEST, PART, TABLE, accepted
from tests.unit.small_tables import make_data

ITEMS = ["1", "2", "3"]
ROWS = [("a", 1_000_000, "1", 5.0), ("a", 2_000_000, "2", 4.0), ("b", 3_000_000, "3", 2.0)]


def write_partition(key: str, rows) -> None:
    frame = pd.DataFrame(rows, columns=["user_id", "timestamp", "item_id", "value"])
    frame["timestamp"] = pd.to_datetime(frame["timestamp"], unit="us", utc=True)
    frame["event_id"], frame["event"] = [f"{key} {n}" for n in range(len(frame))], "rating"
    folder = TABLE / f"dt={key}"
    storage.write_table(folder / PART, frame)
    manifest = AcceptedManifest(
        schema=1,
        key=key,
        revision=1,
        tag=f"data/{key}",
        sequence=1,
        rows=len(frame),
        sha256=storage.sha256_file(folder / PART),
        source_digest="0" * 64,
    )
    storage.write_record(folder / MANIFEST, manifest)


@pytest.fixture
def clone(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def data():
    return make_data(ROWS, ITEMS, validation_cut=None, test_cut=2_500_000)


def test_rows_of_accepted_partitions_are_theirs(clone, data):
    write_partition("2001-01-01", ROWS[:2])
    write_partition("2001-01-02", ROWS[2:])

    found = accepted(data)

    assert (found.foreign_rows, found.n_rows) == (0, 3)
    assert list(found.versions) == ["data/2001-01-01", "data/2001-01-02"]


@pytest.mark.parametrize(
    "row",
    [
        ("a", 2_000_000, "2", 4.5),
        ("a", 2_000_001, "2", 4.0),
        ("a", 2_000_000, "3", 4.0),
        ("b", 2_000_000, "2", 4.0),
    ],
    ids=["another value", "another instant", "another item", "another user"],
)
def test_a_row_that_differs_in_anything_is_foreign(clone, data, row):
    write_partition("2001-01-01", [ROWS[0], row, ROWS[2]])

    assert accepted(data).foreign_rows == 1


def test_a_row_that_was_accepted_once_is_foreign_the_second_time(clone):
    write_partition("2001-01-01", ROWS)

    doubled = make_data([*ROWS, ROWS[0]], ITEMS, validation_cut=None, test_cut=2_500_000)

    assert accepted(doubled).foreign_rows == 1


def test_without_partitions_nothing_is_known(clone, data):
    assert accepted(data).foreign_rows is None
