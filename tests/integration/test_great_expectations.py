"""Ingest and validate over real files and real Great Expectations."""

import json
import shutil
from pathlib import Path

import pytest

from pipelines import storage
from pipelines.contracts.data import IngestRequest, PartitionReport, ValidateRecord
from pipelines.errors import ExpectationRaised, NothingLanded, PartitionRejected, TandemError
from pipelines.identity import pseudonym
from pipelines.ingest import step as ingest
from pipelines.params import Params
from pipelines.validate import decision, expectations
from pipelines.validate import step as validate
from pipelines.validate.rules import Expected, Present
from tests.integration import tiny_weeks
from tests.integration.tiny_weeks import KEYS, changed, text, week

LAST = KEYS[5]
IDENTITY = "11" * 32


@pytest.fixture(scope="module")
def five_weeks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone in which the first five of six weeks are accepted."""
    clone = tmp_path_factory.mktemp("clone")
    with pytest.MonkeyPatch.context() as patch:
        _enter(clone, patch)
        tiny_weeks.write_clone(clone)
        ingest.run(_params(), IngestRequest(from_key=KEYS[0], to_key=KEYS[4]))
        validate.run(_params())
    return clone


@pytest.fixture
def clone(five_weeks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the five accepted weeks, as cwd."""
    folder = tmp_path / "clone"
    shutil.copytree(five_weeks, folder)
    _enter(folder, monkeypatch)
    return folder


def _enter(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("TANDEM_HOME", str(folder / "var"))
    patch.setenv("TANDEM_IDENTITY_KEY", IDENTITY)
    patch.chdir(folder)


def _params() -> Params:
    return Params.load(overrides=["dataset=tiny"])


def _deliver(content: bytes, name: str = "week.tsv") -> ValidateRecord:
    """Lands a file as the last week, and judges it."""
    path = Path(name)
    path.write_bytes(content)
    ingest.run(_params(), IngestRequest(partition=LAST, file=path))
    return validate.run(_params())


def _decision(clone: Path) -> PartitionReport:
    return storage.read_record(clone / "var/validation" / f"{LAST}.json", PartitionReport)


def _unexpected(report: PartitionReport) -> dict[str, int]:
    """Rows by slug, of every row-level check that refused some."""
    return {
        check.slug: check.n_unexpected
        for check in report.checks
        if check.level == "row" and check.n_unexpected
    }


def test_clean_weeks_are_accepted_whole(five_weeks: Path) -> None:
    pages = sorted((five_weeks / "reports/validation").glob("*.json"))
    reports = [storage.read_record(path, PartitionReport) for path in pages]

    assert [report.decision for report in reports] == ["ACCEPT"] * 5
    assert [report.tag for report in reports] == [f"data/{key}" for key in KEYS[:5]]
    assert [report.sequence for report in reports] == [1, 2, 3, 4, 5]
    assert [report.rows for report in reports] == [120] * 5


def test_accepted_rows_hold_pseudonyms_and_no_raw_user(five_weeks: Path) -> None:
    frame = storage.read_table(five_weeks / f"data/interactions/dt={KEYS[0]}/part-0.parquet")

    expected = {pseudonym(bytes.fromhex(IDENTITY), row[0]) for row in week(0)}
    assert set(frame["user_id"]) == expected
    assert frame["timestamp"].is_monotonic_increasing
    assert frame["event_id"].is_unique


BAD_CELLS = {
    # slug: column and three cells; each makes one row bad
    "value-range": (2, ["6", "0", "-3"]),
    "value-type": (2, ["four", "", "3,5"]),
    "value-not-finite": (2, ["inf", "NaN", "1e999"]),
    "timestamp-type": (3, ["yesterday", "", "2001-02-05"]),
    "wrong-partition": (3, [str(tiny_weeks.FIRST), "0", "2000000000"]),
    "id-missing": (0, ["", "", ""]),
    "id-too-long": (1, ["x" * 257, "y" * 300, "z" * 10_000]),
    "id-reserved": (0, ["p1_a", "p1_b", "p1_c"]),
    "control-character": (0, ["u\x00", "u\x07", "\x7f"]),
    "orphan-item": (1, ["i99", "I01", "1"]),
    "orphan-user": (0, ["u99", "U01", "1"]),
}


def test_bad_rows_go_to_quarantine_with_their_lines_and_reasons(clone: Path) -> None:
    rows = week(5)
    cells = [(slug, col, cell) for slug, (col, three) in BAD_CELLS.items() for cell in three]
    for number, (_, column, cell) in enumerate(cells):
        rows[number][column] = cell

    _deliver(text(rows))

    report = _decision(clone)
    lines = (clone / f"var/quarantine/dt={LAST}/rows.jsonl").read_text().splitlines()
    entries = [json.loads(line) for line in lines]
    assert report.decision == "ACCEPT_WITH_QUARANTINE"
    assert (report.rows_read, report.rows, report.quarantined) == (120, 87, 33)
    assert [entry["source_line"] for entry in entries] == list(range(2, 35))  # 1 is the header
    missed = [
        (slug, entry)
        for (slug, _, _), entry in zip(cells, entries, strict=True)
        if slug not in entry["reasons"]
    ]
    assert missed == []
    assert _unexpected(report) == {
        **dict.fromkeys(BAD_CELLS, 3),
        "value-range": 4,  # 1e999 lies beyond the scale, too
        "timestamp-implausible": 1,  # the 0
        "timestamp-future": 1,  # the year 2033
        "orphan-item": 6,  # too long ids are in no table,
        "orphan-user": 9,  # nor are reserved ones and those with control characters
    }


def test_clean_rows_beside_bad_ones_are_accepted_as_in_the_clean_file(clone: Path) -> None:
    _deliver(text(week(5)))
    accepted = clone / f"data/interactions/dt={LAST}/part-0.parquet"
    clean = storage.read_table(accepted)
    bad = [*week(5), ["u00", "i00", "9", week(5)[0][3]], ["u01"]]

    _deliver(text(bad))

    assert _unexpected(_decision(clone)) == {"field-count": 1, "value-range": 1}
    assert storage.read_table(accepted).equals(clean)


REFUSED_BY_SUITE = {
    "milliseconds": (text(changed(week(5), 3, lambda when: when + "000")), "timestamp-unit"),
    "another-week": (text(week(2)), "partition-repeated"),
}


@pytest.mark.parametrize("name", REFUSED_BY_SUITE)
def test_a_bad_partition_is_refused_and_nothing_is_accepted(clone: Path, name: str) -> None:
    content, slug = REFUSED_BY_SUITE[name]
    before = storage.tree_digest(clone / "data")

    with pytest.raises(PartitionRejected) as refused:
        _deliver(content)

    report = _decision(clone)
    assert report.decision == "REJECT"
    assert report.tag is None
    assert slug in {c.slug for c in report.checks if c.outcome == "failed"}
    assert slug in f"{refused.value.message} {refused.value.where[:3]}"
    assert storage.tree_digest(clone / "data") == before
    assert not (clone / f"reports/validation/{LAST}.json").exists()


def test_one_bad_partition_of_a_range_keeps_all_of_them_out(clone: Path) -> None:
    rows = [row for number in range(5) for row in week(number)]
    rows += changed(week(5), 2, lambda stars: stars + "0")
    rows[0][2] = "2" if rows[0][2] != "2" else "1"  # the first week is amended
    Path("source/interactions.tsv").write_bytes(text(rows))
    before = storage.tree_digest(clone / "data")

    ingest.run(_params(), IngestRequest(from_key=KEYS[0], to_key=LAST))
    with pytest.raises(PartitionRejected):
        validate.run(_params())

    first = storage.read_record(clone / f"var/validation/{KEYS[0]}.json", PartitionReport)
    assert first.decision == "ACCEPT"
    assert first.tag is None
    assert _decision(clone).decision == "REJECT"
    assert storage.tree_digest(clone / "data") == before


def test_an_amended_partition_is_a_new_data_version(clone: Path) -> None:
    rows = week(4)
    rows[0][2] = "2" if rows[0][2] != "2" else "1"
    Path("week.tsv").write_bytes(text(rows))

    ingest.run(_params(), IngestRequest(partition=KEYS[4], file=Path("week.tsv")))
    record = validate.run(_params())

    assert record.partitions[0].tag == f"data/{KEYS[4]}.r2"
    manifest = storage.read_json(clone / f"data/interactions/dt={KEYS[4]}/manifest.json")
    assert (manifest["revision"], manifest["sequence"]) == (2, 6)


def test_an_amendment_is_judged_by_the_rows_that_it_would_leave(clone: Path) -> None:
    before = storage.tree_digest(clone / "data")
    rows = week(4)
    for number in range(12):  # a tenth each: no check of rows refuses the partition
        rows[number][2] = "9"
        rows[number + 12][1] = f"x{number}"
        rows[number + 24][3] = str(tiny_weeks.FIRST)
    Path("week.tsv").write_bytes(text(rows))

    ingest.run(_params(), IngestRequest(partition=KEYS[4], file=Path("week.tsv")))
    with pytest.raises(PartitionRejected):
        validate.run(_params())

    report = storage.read_record(clone / f"var/validation/{KEYS[4]}.json", PartitionReport)
    failed = {c.check: c.observed for c in report.checks if decision.is_fatal(c)}
    assert failed == {"amended_ratio.volume": "0.7; at least 0.8"}  # 84 of 120
    assert storage.tree_digest(clone / "data") == before


def test_another_data_set_than_the_landed_one_is_not_validated(clone: Path) -> None:
    described = Path("datasets/tiny.yaml").read_text().replace("name: tiny", "name: other")
    Path("datasets/other.yaml").write_text(described)

    with pytest.raises(NothingLanded) as refused:
        validate.run(Params.load(overrides=["dataset=other"]))

    assert "-P dataset=tiny" in refused.value.hint


def test_validating_again_changes_no_byte_of_data_and_no_decision(clone: Path) -> None:
    first = _deliver(text(week(5)))
    before = storage.tree_digest(clone / "data")
    report = (clone / f"reports/validation/{LAST}.json").read_bytes()

    second = validate.run(_params())

    assert second == first
    assert storage.tree_digest(clone / "data") == before
    assert (clone / f"reports/validation/{LAST}.json").read_bytes() == report


def test_an_expectation_that_raises_is_an_error_and_never_passed(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The fault it would catch: a check on a column that is gone counts as failed, or as passed."""
    broken = Expected("no_such_column", Present(), "feature-missing", "it is missing")
    whole = expectations.partition
    monkeypatch.setattr(expectations, "partition", lambda limits: [*whole(limits), broken])

    with pytest.raises(ExpectationRaised) as refused:
        _deliver(text(week(5)))

    assert _decision(clone).decision == "ERROR"
    assert "no_such_column" in refused.value.message
    assert not (clone / f"data/interactions/dt={LAST}").exists()


def test_the_page_names_reasons_and_holds_no_user_id(clone: Path) -> None:
    rows = week(5)
    rows[5][0], rows[6][2] = "somebody@example.org", "6"

    _deliver(text(rows))

    page = (clone / f"reports/validation/{LAST}.html").read_text()
    assert "the value lies outside 1 to 5" in page
    assert "somebody@example.org" not in page
    assert "somebody@example.org" not in (clone / f"reports/validation/{LAST}.json").read_text()


def test_a_user_id_in_another_column_is_in_no_record_of_an_accepted_partition(clone: Path) -> None:
    """The fault it would catch: what a check observed is written down as it stood in the file."""
    users = Path("source/users.tsv")
    users.write_text(users.read_text().replace("u03\t23", "u03\tu07") + "98765\t30\n")
    rows = week(5)
    rows[5][2], rows[6][3] = "98765", "98765"

    _deliver(text(rows))

    report = _decision(clone)
    observed = {check.check: check.observed for check in report.checks if check.n_unexpected}
    masked = [pseudonym(bytes.fromhex(IDENTITY), user)[:11] + "…" for user in ("98765", "u07")]
    assert report.decision == "ACCEPT_WITH_QUARANTINE"
    assert observed["value.value-range"] == masked[0]
    assert observed["timestamp.wrong-partition"] == masked[0]
    assert observed["age.feature-type"] == masked[1]
    assert "u07" not in (clone / f"reports/validation/{LAST}.json").read_text()


def test_the_page_of_a_refused_partition_names_its_failed_checks_with_rows(clone: Path) -> None:
    payload = "<script>alert(1)</script>"
    items = Path("source/items.tsv")
    items.write_text(items.read_text().replace("Film 3\t1983", f"{payload}\t{payload}"))
    rows = changed(week(5), 2, lambda stars: stars + "0")
    rows[4][1] = "somebody@example.org"  # a column too far to the right
    source = text(rows, f"user\titem\tstars\twhen\t{payload}").replace(b"\n", b"\tx\n")

    with pytest.raises(PartitionRejected):
        _deliver(source.replace(payload.encode() + b"\tx", payload.encode()))

    page = (clone / f"var/validation/{LAST}.html").read_text()
    first = pseudonym(bytes.fromhex(IDENTITY), rows[0][0])[:11]
    assert "interactions: value-range, the value lies outside 1 to 5" in page
    assert f"<tr><td>2</td><td>{first}…</td><td>{rows[0][1]}</td><td>value</td>" in page
    assert "items: feature-type, year is no number" in page
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in page
    assert "<script" not in page
    assert "somebody@example.org" not in page
    assert "somebody@example.org" not in (clone / f"var/validation/{LAST}.json").read_text()


def test_the_quarantine_is_private_to_its_owner(clone: Path) -> None:
    rows = week(5)
    rows[5][2] = "6"

    _deliver(text(rows))

    folder = clone / f"var/quarantine/dt={LAST}"
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "rows.jsonl").stat().st_mode & 0o777 == 0o600


def test_the_first_real_weeks_are_accepted_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _enter(tmp_path, monkeypatch)
    shutil.copytree(tiny_weeks.ROOT / "datasets", "datasets")
    shutil.copy(tiny_weeks.ROOT / "params.yaml", ".")

    ingest.run(Params.load(), IngestRequest(from_key="1997-09-15", to_key="1997-10-13"))
    record = validate.run(Params.load())

    assert [p.decision for p in record.partitions] == ["ACCEPT"] * 5
    # 1740, 4129, 3540, 2390 and 2039 rows, counted by hand from the file
    assert sum(p.rows for p in record.partitions) == 13_838


def test_a_pickled_data_set_is_read_as_data_and_its_months_are_accepted_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _enter(tmp_path, monkeypatch)
    shutil.copytree(tiny_weeks.ROOT / "datasets", "datasets")
    shutil.copy(tiny_weeks.ROOT / "params.yaml", ".")
    small = Params.load(overrides=["dataset=movielens-small"])

    landed = ingest.run(small, IngestRequest(from_key="1995-01-01", to_key="1996-06-01"))
    record = validate.run(small)

    # months and rows counted by an independent reading of the frame; 1995-02 to 1996-02 have none
    assert [(entry.key, entry.rows) for entry in landed.landed] == [
        ("1995-01-01", 3),
        ("1996-03-01", 116),
        ("1996-04-01", 226),
        ("1996-05-01", 751),
        ("1996-06-01", 829),
    ]
    assert [p.decision for p in record.partitions] == ["ACCEPT"] * 5
    items = storage.read_table(Path("data/items/dt=1996-06-01/part-0.parquet"))
    first = items.set_index("item_id").loc["1"]
    assert len(items) == 9_066
    assert (first["title"], first["year"]) == ("Toy Story", 1995.0)
    assert list(first["genres"])[:2] == ["Adventure", "Animation"]


def test_every_refusal_says_what_to_do(clone: Path) -> None:
    with pytest.raises(TandemError) as refused:
        _deliver(text(changed(week(5), 3, lambda when: when + "000")))

    shown = refused.value.render()
    assert "milliseconds" in shown
    assert "interactions.timestamp_unit" in shown
    assert refused.value.exit_code == 3
