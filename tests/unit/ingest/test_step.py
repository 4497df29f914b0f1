"""Ingest over files: which rows land where, and when there is nothing to do."""

from pathlib import Path

import pytest

from pipelines import storage
from pipelines.contracts.data import REPORTS, IngestRecord, IngestRequest
from pipelines.errors import EmptyPartition, NoNewPartition
from pipelines.ingest import step
from pipelines.params import Params
from tests.integration import tiny_weeks
from tests.integration.tiny_weeks import KEYS, text, week
from tests.unit.validate.reports import a_report

SOURCE = Path("source/interactions.tsv")


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Three weeks in files, as cwd."""
    tiny_weeks.write_clone(tmp_path, n_weeks=3)
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def land(request: IngestRequest) -> IngestRecord:
    return step.run(params(), request)


def params() -> Params:
    return Params.load(overrides=["dataset=tiny"])


def spoil_times(n_rows: int) -> None:
    """The source's newest rows with times that nobody can read."""
    rows = [row for number in range(3) for row in week(number)]
    for row in rows[-n_rows:]:
        row[3] = "soon"
    SOURCE.write_bytes(text(rows))


def test_rows_without_a_time_land_with_the_earliest_week(clone: Path) -> None:
    spoil_times(20)

    record = land(IngestRequest(from_key=KEYS[0], to_key=KEYS[2]))

    assert [(entry.key, entry.rows) for entry in record.landed] == [
        (KEYS[0], 140),
        (KEYS[1], 120),
        (KEYS[2], 100),
    ]
    assert record.notices == []


def test_rows_without_a_time_are_told_where_the_earliest_week_is_accepted(clone: Path) -> None:
    """The fault it would catch: a source that changes how it writes times loses all new rows."""
    spoil_times(20)
    storage.write_record(REPORTS / f"{KEYS[0]}.json", a_report(key=KEYS[0]))

    record = land(IngestRequest())

    assert [(entry.key, entry.rows) for entry in record.landed] == [(KEYS[1], 120)]
    (notice,) = record.notices
    assert notice.slug == "timestamp-unread"
    assert notice.text.startswith("interactions: 20 rows")


def test_with_all_weeks_accepted_rows_without_a_time_are_told(clone: Path) -> None:
    spoil_times(20)
    for key in KEYS[:3]:
        storage.write_record(REPORTS / f"{key}.json", a_report(key=key))

    with pytest.raises(NoNewPartition) as nothing:
        land(IngestRequest())

    assert "20 rows whose time cannot be read" in nothing.value.render()


def test_rows_without_a_time_are_no_week_of_the_source(clone: Path) -> None:
    spoil_times(20)

    assert step.list_keys(params()).keys == KEYS[:3]


@pytest.mark.parametrize("from_file", [False, True], ids=["source", "file"])
def test_a_header_alone_is_nothing_to_do_where_that_may_be(clone: Path, from_file: bool) -> None:
    descriptor = Path("datasets/tiny.yaml")
    described = descriptor.read_text()
    descriptor.write_text(
        described.replace("  event: rating", "  may_be_empty: true\n  event: rating")
    )
    SOURCE.write_bytes(text([]))
    request = IngestRequest(partition=KEYS[0], file=SOURCE) if from_file else IngestRequest()

    with pytest.raises(EmptyPartition) as nothing:
        land(request)

    assert nothing.value.exit_code == 99
    assert nothing.value.where == ("interactions.tsv",)
