"""48 kinds of bad files through the real ingest, validate and Great Expectations."""

import gzip
import json
import os
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipelines import storage
from pipelines.contracts.data import IngestRecord, IngestRequest, PartitionReport
from pipelines.descriptors import Descriptor
from pipelines.errors import TandemError
from pipelines.ingest import step as ingest
from pipelines.params import Params, ValidateParams
from pipelines.validate import step as validate
from pipelines.validate.judging import Judge
from tests.integration import bad_bytes, bad_rows, tiny_weeks
from tests.integration.bad_files import CLEAN, LAST, Case
from tests.integration.tiny_weeks import KEYS

HEAD = CLEAN.split(b"\n", 1)[0] + b"\n"
CASES = [*bad_bytes.CASES, *bad_rows.CASES]
IDENTITY = "11" * 32
EXIT_CODES = {"refuse": 3, "usage": 2, "nothing": 99}
JUDGES: dict[str, Judge] = {}


@pytest.fixture(scope="module", autouse=True)
def kept_judges() -> Iterator[None]:
    """Building a suite takes longer than running it: equal ones are built once."""

    def judge(descriptor: Descriptor, limits: ValidateParams, key: bytes) -> Judge:
        name = f"{descriptor.model_dump_json()}{limits.model_dump_json()}"
        return JUDGES.setdefault(name, Judge(descriptor, limits, key))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(validate, "Judge", judge)
        yield


@pytest.fixture(scope="module")
def five_weeks(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with five accepted weeks."""
    clone = tmp_path_factory.mktemp("clone")
    with pytest.MonkeyPatch.context() as patch:
        enter(clone, patch)
        tiny_weeks.write_clone(clone)
        ingest.run(params(), IngestRequest(from_key=KEYS[0], to_key=KEYS[4]))
        validate.run(params())
    return clone


@pytest.fixture(scope="module")
def clean_landing(five_weeks: Path, tmp_path_factory: pytest.TempPathFactory) -> str:
    """The digest of what the clean file lands as: all that validate ever sees of a file."""
    clone = tmp_path_factory.mktemp("landing") / "clone"
    shutil.copytree(five_weeks, clone)
    with pytest.MonkeyPatch.context() as patch:
        enter(clone, patch)
        (clone / "week.tsv").write_bytes(CLEAN)
        return land(Case(0, "clean", CLEAN, "same")).landed[0].digest


@pytest.fixture(scope="module")
def clean(five_weeks: Path, tmp_path_factory: pytest.TempPathFactory) -> pd.DataFrame:
    """The accepted rows of the clean sixth week, raw ids beside the pseudonyms."""
    clone = tmp_path_factory.mktemp("clean") / "clone"
    shutil.copytree(five_weeks, clone)
    with pytest.MonkeyPatch.context() as patch:
        enter(clone, patch)
        (clone / "week.tsv").write_bytes(CLEAN)
        deliver(Case(0, "clean", CLEAN, "accept"))
        return accepted()


@pytest.fixture
def clone(five_weeks: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "clone"
    shutil.copytree(five_weeks, folder)
    enter(folder, monkeypatch)
    return folder


def enter(folder: Path, patch: pytest.MonkeyPatch) -> None:
    patch.setenv("TANDEM_HOME", str(folder / "var"))
    patch.setenv("TANDEM_IDENTITY_KEY", IDENTITY)
    patch.chdir(folder)


def params(*overrides: str) -> Params:
    return Params.load(overrides=["dataset=tiny", *overrides])


def land(case: Case) -> IngestRecord:
    request = IngestRequest(partition=case.key, file=Path(case.file))
    return ingest.run(params(*case.params), request)


def deliver(case: Case) -> None:
    land(case)
    validate.run(params(*case.params))


def accepted() -> pd.DataFrame:
    frame = storage.read_table(Path(f"data/interactions/dt={LAST}/part-0.parquet"))
    return frame.set_index("event_id")


def prepare(case: Case) -> None:
    """The clone as the case wants it."""
    descriptor = Path("datasets/tiny.yaml")
    words = descriptor.read_text()
    for old, new in case.descriptor.items():
        assert old in words
        words = words.replace(old, new)
    descriptor.write_text(words)
    for name, change in case.source.items():
        path = Path("source") / name
        path.write_bytes(change(path.read_bytes()))
    with Path("source/users.tsv").open("a") as file:
        file.writelines(f"{user}\t30\n" for user in case.users)
    path = Path(case.file)
    match case.file:
        case "link":
            path.symlink_to(descriptor.absolute())
        case "fifo":
            os.mkfifo(path)
        case "folder":
            path.mkdir()
        case "missing":
            pass
        case _:
            path.write_bytes(case.content)


def decided() -> PartitionReport:
    return storage.read_record(Path(f"var/validation/{LAST}.json"), PartitionReport)


def of_decision(decision: str) -> list[Any]:
    return [pytest.param(c, id=f"{c.row}-{c.name}") for c in CASES if c.decision == decision]


def test_the_table_has_every_kind_of_bad_file_and_no_other() -> None:
    assert sorted({case.row for case in CASES}) == list(range(1, 49))
    assert len({(case.row, case.name) for case in CASES}) == len(CASES)


@pytest.mark.parametrize("case", of_decision("same"))
def test_another_way_to_write_the_same_lands_as_the_clean_file_does(
    clone: Path, clean_landing: str, case: Case
) -> None:
    prepare(case)

    record = land(case)

    assert record.landed[0].digest == clean_landing
    assert {case.slug} - {""} <= {notice.slug for notice in record.notices}


@pytest.mark.parametrize("case", of_decision("accept"))
def test_what_means_the_same_is_accepted_and_comes_out_equal(
    clone: Path, clean: pd.DataFrame, case: Case
) -> None:
    prepare(case)

    deliver(case)

    report, frame = decided(), accepted()
    assert report.decision == "ACCEPT"
    assert report.dropped == 0
    assert {case.slug} - {""} <= {notice.slug for notice in report.notices}
    assert_equal_to_clean(frame, clean, case)
    page = Path(f"reports/validation/{LAST}.html").read_text()
    assert [user for user in case.users if len(user) > 4 and user in page] == []


@pytest.mark.parametrize("case", of_decision("quarantine"))
def test_bad_rows_are_counted_by_their_reasons_and_the_others_come_out_equal(
    clone: Path, clean: pd.DataFrame, case: Case
) -> None:
    prepare(case)

    deliver(case)

    report, frame = decided(), accepted()
    path = Path(f"var/quarantine/dt={LAST}/rows.jsonl")
    entries = [json.loads(line) for line in path.read_text().splitlines()]
    refused = [entry for entry in entries if entry["reasons"] != ["duplicate"]]
    assert report.decision == "ACCEPT_WITH_QUARANTINE"
    assert unexpected(report) == dict(case.counts)
    assert report.dropped == case.n_dropped == len(entries) - len(refused)
    assert report.rows_read == report.rows + report.quarantined + report.dropped
    assert len(refused) == report.quarantined
    assert [entry["source_line"] for entry in refused] == list(case.lines) or not case.lines
    assert {case.slug} - {""} <= {notice.slug for notice in report.notices}
    assert_equal_to_clean(frame, clean, case)


@pytest.mark.parametrize(
    "case", of_decision("refuse") + of_decision("usage") + of_decision("nothing")
)
def test_a_file_that_must_not_be_taken_changes_nothing(clone: Path, case: Case) -> None:
    prepare(case)
    before = storage.tree_digest(clone / "data")

    with pytest.raises(TandemError) as ended:
        deliver(case)

    assert ended.value.exit_code == EXIT_CODES[case.decision]
    assert case.slug in reasons(ended.value)
    assert ended.value.where
    assert storage.tree_digest(clone / "data") == before
    assert not Path(f"reports/validation/{LAST}.json").exists()
    assert list(clone.rglob("*.tmp")) == []


PIECES = st.sampled_from(
    [
        b"\n",
        b"\r\n",
        b"\t",
        b'"',
        b",",
        b"u00\ti00\t3\t981200000\n",
        b"\x1f\x8b",
        b"PAR1",
        b"{}",
        b"\x00",
    ]
)
ANY_BYTES = st.one_of(
    st.binary(max_size=400),
    st.lists(PIECES | st.binary(max_size=6), max_size=30).map(b"".join),
    st.lists(PIECES | st.binary(max_size=6), max_size=30).map(lambda p: HEAD + b"".join(p)),
    st.binary(max_size=200).map(gzip.compress),
    st.tuples(st.integers(0, len(CLEAN)), st.binary(min_size=1, max_size=8)).map(
        lambda cut: CLEAN[: cut[0]] + cut[1] + CLEAN[cut[0] :]
    ),
)
NAMES = st.sampled_from(["week.tsv", "week.csv", "week.jsonl", "week.parquet", "week.tsv.gz"])


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
    derandomize=True,
)
@given(content=ANY_BYTES, name=NAMES)
def test_any_bytes_are_landed_or_refused_and_never_a_bug_or_a_hang(
    clone: Path, content: bytes, name: str
) -> None:
    """The fault it would catch: an error of a library that nobody turned into one of ours."""
    Path(name).write_bytes(content)
    ended: TandemError | None = None

    try:
        land(Case(0, "any", content, "refuse", file=name))
    except TandemError as error:
        ended = error

    assert ended is None or (ended.exit_code == 3 and ended.where)


def reasons(error: TandemError) -> set[str]:
    """The slugs that refused the file: the reader's own, or those of the failed checks."""
    if error.code != "partition-rejected":
        return {error.code}
    return {check.slug for check in decided().checks if check.outcome == "failed"}


def unexpected(report: PartitionReport) -> dict[str, int]:
    """Rows by slug, of every check that sent some to quarantine."""
    counts: dict[str, int] = {}
    for check in report.checks:
        if check.level == "row" and check.n_unexpected and check.slug != "duplicate":
            counts[check.slug] = counts.get(check.slug, 0) + check.n_unexpected
    return counts


def assert_equal_to_clean(frame: pd.DataFrame, clean: pd.DataFrame, case: Case) -> None:
    """Every accepted row is a clean one, byte for byte, but for those that the case adds."""
    known = frame.index.isin(clean.index)
    assert int((~known).sum()) == case.n_new
    pd.testing.assert_frame_equal(frame[known], clean.loc[frame.index[known]])
    n_refused = sum(case.counts.values())
    assert int(known.sum()) >= len(clean) - case.n_new - n_refused
