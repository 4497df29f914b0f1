"""Validation where nothing is accepted yet, and what its refusals show."""

from pathlib import Path

import pytest

from pipelines import storage
from pipelines.contracts.data import IngestRequest, PartitionReport
from pipelines.errors import ExpectationRaised, PartitionRejected
from pipelines.home import Home
from pipelines.ingest import step as ingest
from pipelines.params import Params
from pipelines.validate import step as validate
from pipelines.validate import suites
from pipelines.validate.judging import Judgement
from tests.integration import tiny_weeks
from tests.integration.tiny_weeks import KEYS, changed, text, week
from tests.unit.validate.reports import a_check, a_report


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone in which nothing is accepted, as cwd."""
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "var"))
    monkeypatch.chdir(tmp_path)
    tiny_weeks.write_clone(tmp_path)
    return tmp_path


def test_a_partition_of_which_no_row_can_be_accepted_is_refused(clone: Path) -> None:
    """The fault it would catch: a quarantine without a limit empties the partition."""
    Path("week.tsv").write_bytes(text(changed(week(0), 0, lambda _: "u00")))
    params = Params.load(overrides=["dataset=tiny", "validate.max_user_events=50"])

    ingest.run(params, IngestRequest(partition=KEYS[0], file=Path("week.tsv")))
    with pytest.raises(PartitionRejected) as refused:
        validate.run(params)

    assert "no row of the partition can be accepted" in refused.value.message
    report = storage.read_record(clone / f"var/validation/{KEYS[0]}.json", PartitionReport)
    assert report.decision == "REJECT"


def test_a_few_rows_may_come_again_in_the_next_period(clone: Path) -> None:
    later = [[*row[:3], str(int(row[3]) + tiny_weeks.WEEK_SECONDS)] for row in week(0)[:49]]
    Path("source/interactions.tsv").write_bytes(text([*week(0)[:49], *later]))

    params = Params.load(overrides=["dataset=tiny"])
    ingest.run(params, IngestRequest(from_key=KEYS[0], to_key=KEYS[1]))
    record = validate.run(params)

    assert [partition.decision for partition in record.partitions] == ["ACCEPT", "ACCEPT"]


def test_a_refusal_is_named_by_what_raised_before_what_failed(tmp_path: Path) -> None:
    judgements = [
        Judgement(a_report(key=key, checks=[a_check(outcome=outcome, table="items")]), {}, [])
        for key, outcome in zip(KEYS, ("failed", "raised"), strict=False)
    ]

    refusal = validate._refusal(judgements, 2, Home(tmp_path))

    assert isinstance(refusal, ExpectationRaised)
    assert f"{KEYS[1]} value-range" in refusal.message
    assert refusal.where[1].startswith(KEYS[0])


def test_an_exception_of_a_check_shows_no_cell() -> None:
    said = "could not convert string to float: 'ann' doesn't fit"
    info = {"raised_exception": True, "exception_message": said}

    assert suites._exception(info) == "could not convert string to float: …t fit"
