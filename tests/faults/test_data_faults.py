"""Faults under ingest and validate; what is landed or accepted afterwards is whole."""

import hashlib
import os
import random
import re
import shutil
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines import storage
from pipelines.contracts.data import LandingManifest, PartitionReport
from tests.faults.bad_disks import PAGE, owned_by, small_disk
from tests.faults.data_checks import (
    assert_landing_whole,
    assert_tables_whole,
    leftovers,
    refused,
    succeeds,
)
from tests.faults.data_verbs import DataVerbs
from tests.integration import tiny_weeks
from tests.integration.tiny_weeks import KEYS, text, week

LAST = KEYS[5]
NOBODY = 65_534
BAD_ROW = ["u00", "i00", "9", week(5)[0][3]]
INGEST = ("ingest", "--partition", LAST, "--file", "week.tsv", "--json")
VALIDATE = ("validate", "--json")
WRITES = ("write", "fsync", "rename", "mkdir")
N_PAIRS = 20


@pytest.fixture(scope="module")
def verbs() -> Iterator[DataVerbs]:
    server = DataVerbs()
    yield server
    server.close()


@pytest.fixture(scope="module")
def five_weeks(verbs: DataVerbs, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clone with five accepted weeks, and the sixth as a file with one bad row."""
    clone = tmp_path_factory.mktemp("data") / "clone"
    tiny_weeks.write_clone(clone)
    (clone / "week.tsv").write_bytes(text([*week(5), BAD_ROW]))
    succeeds(verbs.run(clone, "ingest", "--from", KEYS[0], "--to", KEYS[4]))
    succeeds(verbs.run(clone, "validate"))
    return clone


@pytest.fixture
def clone(five_weeks: Path, tmp_path: Path) -> Path:
    for folder in (tmp_path.parent.parent, tmp_path.parent, tmp_path):  # pytest makes them 0700
        folder.chmod(0o755)
    shutil.copytree(five_weeks, tmp_path / "clone")
    return tmp_path / "clone"


@pytest.fixture(scope="module")
def undisturbed(
    verbs: DataVerbs, five_weeks: Path, tmp_path_factory: pytest.TempPathFactory
) -> str:
    """The digest of what the sixth week leaves when nothing goes wrong."""
    clone = tmp_path_factory.mktemp("undisturbed") / "clone"
    shutil.copytree(five_weeks, clone)
    return finished(verbs, clone)


# --- what must hold after each fault


def finished(verbs: DataVerbs, clone: Path) -> str:
    """The same commands again, nothing cleaned by hand; a digest of all that they leave."""
    succeeds(verbs.run(clone, *INGEST))
    succeeds(verbs.run(clone, *VALIDATE))
    return whole(clone)


def whole(clone: Path) -> str:
    """A digest of all that an accepted week leaves, after it was found to be whole."""
    assert_landing_whole(clone)
    assert_conserved(clone)
    assert leftovers(clone) == []
    quarantine = (clone / f"var/quarantine/dt={LAST}/rows.jsonl").read_bytes()
    landing = storage.read_record(
        clone / f"var/landing/dt={LAST}/r1/manifest.json", LandingManifest
    )
    data = storage.file_digests(clone / "data")
    frames = sorted(f"{k} {v}" for k, v in data.items() if k.endswith(".parquet"))
    return hashlib.sha256(f"{quarantine!r}{landing.digest}{frames}".encode()).hexdigest()


def assert_conserved(clone: Path) -> None:
    """Rows in = accepted + quarantined + dropped, in the files themselves."""
    report = storage.read_record(clone / f"var/validation/{LAST}.json", PartitionReport)
    accepted = storage.read_table(clone / f"data/interactions/dt={LAST}/part-0.parquet")
    refused_ = (clone / f"var/quarantine/dt={LAST}/rows.jsonl").read_text().splitlines()
    assert report.rows_read == 121 == len(accepted) + len(refused_)


def nothing_accepted(clone: Path) -> None:
    assert not (clone / f"data/interactions/dt={LAST}").exists()
    assert not (clone / f"reports/validation/{LAST}.json").exists()


def last_week_forgotten(clone: Path) -> None:
    for folder in ("landing", "quarantine"):
        shutil.rmtree(clone / f"var/{folder}/dt={LAST}", ignore_errors=True)
    for table in ("interactions", "items", "users"):
        shutil.rmtree(clone / f"data/{table}/dt={LAST}", ignore_errors=True)
    for folder in ("var/validation", "reports/validation"):
        for path in (clone / folder).glob(f"{LAST}.*"):
            path.unlink()


# --- killed


@pytest.mark.fault(1)
@pytest.mark.parametrize("call", WRITES)
def test_ingest_killed_at_each_of_its_writes_leaves_whole_landings_and_goes_on(
    verbs: DataVerbs, clone: Path, undisturbed: str, call: str
) -> None:
    n_killed = 0
    while True:
        last_week_forgotten(clone)
        ended = verbs.traced(clone, f"{call}:signal=SIGKILL:when={n_killed + 1}", *INGEST)
        if ended.status == 0:
            break
        n_killed += 1
        assert ended.status == -signal.SIGKILL, ended.said
        assert_landing_whole(clone)
        succeeds(verbs.run(clone, *INGEST))
        assert_landing_whole(clone)
        assert leftovers(clone) == []

    assert n_killed >= 2
    assert finished(verbs, clone) == undisturbed


@pytest.mark.fault(1, seeds=8)
def test_ingest_killed_at_a_random_moment_goes_on(
    verbs: DataVerbs, clone: Path, undisturbed: str, seed: int
) -> None:
    began = time.monotonic()
    succeeds(verbs.run(clone, *INGEST))
    takes = time.monotonic() - began
    last_week_forgotten(clone)

    pid = verbs.start(clone, *INGEST)
    time.sleep(random.Random(seed).uniform(0, takes))  # the fault itself: nothing is waited for
    os.killpg(pid, signal.SIGKILL)
    verbs.wait(pid)

    assert_landing_whole(clone)
    assert finished(verbs, clone) == undisturbed


@pytest.mark.fault(15)
@pytest.mark.parametrize("call", ["rename", "mkdir"])
def test_validate_killed_at_each_of_its_steps_loses_and_repeats_no_row(
    verbs: DataVerbs, clone: Path, undisturbed: str, call: str
) -> None:
    succeeds(verbs.run(clone, *INGEST))
    n_killed = 0
    while True:
        ended = verbs.traced(clone, f"{call}:signal=SIGKILL:when={n_killed + 1}", *VALIDATE)
        if ended.status == 0:
            break
        n_killed += 1
        assert ended.status == -signal.SIGKILL, ended.said
        accepted = clone / f"data/interactions/dt={LAST}/manifest.json"
        quarantined = clone / f"var/quarantine/dt={LAST}/rows.jsonl"
        assert quarantined.exists() or not accepted.exists()

    assert n_killed >= 4
    assert whole(clone) == undisturbed


# --- two at once


@pytest.mark.fault(5)
def test_of_two_ingests_of_one_partition_one_lands_it_and_the_other_names_the_holder(
    verbs: DataVerbs, clone: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(clone, other, ignore=shutil.ignore_patterns("var"))
    home = {"TANDEM_HOME": str(clone / "var")}
    codes = []
    for number in range(N_PAIRS):
        content = text([*week(5), ["u00", "i00", "3", str(int(week(5)[0][3]) + 1 + number)]])
        for folder in (clone, other):
            (folder / "week.tsv").write_bytes(content)
        pids = [verbs.start(c, *INGEST, stopped=True, env=home) for c in (clone, other)]
        for pid in pids:
            os.kill(pid, signal.SIGCONT)
        both = [verbs.wait(pid) for pid in pids]
        codes.append(sorted(ended.status for ended in both))
        for ended in both:
            if ended.status:
                message = str(refused(ended, "lock-held", 5)["message"])
                assert any(f"pid {pid}, ingest {LAST}, since 2" in message for pid in pids), message
        assert len(list((clone / f"var/landing/dt={LAST}").glob("r*"))) == number + 1

    assert [pair for pair in codes if pair not in ([0, 0], [0, 5])] == []
    assert_landing_whole(clone)
    assert leftovers(clone) == []


# --- the source changes


@pytest.mark.fault(3)
def test_a_source_that_changed_under_its_digest_is_refused_with_both_digests(
    verbs: DataVerbs, clone: Path
) -> None:
    items, descriptor = clone / "source/items.tsv", clone / "datasets/tiny.yaml"
    digest = storage.sha256_file(items)
    pinned = f"path: items.tsv\n  sha256: {digest}"
    descriptor.write_text(descriptor.read_text().replace("path: items.tsv", pinned))
    whole = items.read_bytes()
    items.write_bytes(whole.replace(b"Film 7", b"Film 8"))

    error = refused(verbs.run(clone, *INGEST), "source-changed", 3)

    assert digest in str(error["message"])
    assert storage.sha256_file(items) in str(error["message"])
    assert not (clone / f"var/landing/dt={LAST}").exists()
    items.write_bytes(whole)
    finished(verbs, clone)


@pytest.mark.fault(4)
def test_a_source_that_grows_while_it_is_read_is_landed_as_it_was_at_one_moment(
    verbs: DataVerbs, clone: Path
) -> None:
    source = clone / "source/interactions.tsv"
    stop = threading.Event()
    begun = threading.Event()

    def append() -> None:
        start, number = int(week(5)[0][3]), 0
        with source.open("ab", buffering=0) as file:
            while not stop.is_set():
                file.write(f"u{number % 30:02}\ti00\t3\t{start + number}\n".encode())
                begun.set()
                number += 1
                stop.wait(0.001)

    appender = threading.Thread(target=append)
    appender.start()
    begun.wait()
    ended = verbs.run(clone, "ingest", "--from", KEYS[0], "--to", LAST, "--json")
    stop.set()
    appender.join()

    succeeds(ended)
    last = clone / f"var/landing/dt={LAST}/r1"
    landed = storage.read_record(last / "manifest.json", LandingManifest)
    rows = storage.read_table(last / "interactions.parquet")
    lines = source.read_bytes().splitlines(keepends=True)
    seen = b"".join(lines[: rows["source_line"].max()])
    assert len(lines) > rows["source_line"].max()  # it did grow
    assert landed.source_digest == digest_of_source(clone, seen)
    assert landed.tables["interactions"].rows == rows["source_line"].max() - 1 - 5 * 120


def digest_of_source(clone: Path, interactions: bytes) -> str:
    digests = {
        name: storage.sha256_file(clone / "source" / name) for name in ("items.tsv", "users.tsv")
    }
    digests["interactions.tsv"] = hashlib.sha256(interactions).hexdigest()
    lines = "".join(f"{name}\0{digest}\n" for name, digest in sorted(digests.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


# --- the disk


@pytest.mark.fault(7)
@pytest.mark.parametrize(("folder", "verb"), [("var/landing", INGEST), ("data", VALIDATE)])
@pytest.mark.parametrize(
    ("n_pages", "is_foreseen"),
    [(0, True), (2, False), (3, False)],
    ids=["none", "half", "most"],  # of four files in landing, of six in data
)
def test_a_full_disk_is_told_and_nothing_half_is_left(
    verbs: DataVerbs,
    clone: Path,
    undisturbed: str,
    folder: str,
    verb: tuple[str, ...],
    n_pages: int,
    is_foreseen: bool,
) -> None:
    if verb == VALIDATE:
        succeeds(verbs.run(clone, *INGEST))

    with small_disk(clone / folder, n_pages + 1):
        (clone / folder / "other").write_bytes(b"x" * PAGE)
        error = refused(verbs.run(clone, *verb), "disk-full", 5)
        assert leftovers(clone) == []
        assert_landing_whole(clone)
        assert_tables_whole(clone)

    said = f"{error['message']} {error['hint']}"
    assert re.search("needs .* are free" if is_foreseen else "no space left .* free there", said)
    assert not (clone / f"reports/validation/{LAST}.json").exists()
    assert finished(verbs, clone) == undisturbed


@pytest.mark.fault(8)
@pytest.mark.parametrize("verb", [INGEST, VALIDATE], ids=["ingest", "validate"])
def test_a_file_size_limit_is_told_and_leaves_no_partial_table(
    verbs: DataVerbs, clone: Path, undisturbed: str, verb: tuple[str, ...]
) -> None:
    if verb == VALIDATE:
        succeeds(verbs.run(clone, *INGEST))

    error = refused(verbs.run(clone, *verb, file_size=2_000), "disk-full", 5)

    assert "limit" in str(error["message"])
    nothing_accepted(clone)
    assert finished(verbs, clone) == undisturbed


@pytest.mark.fault(9)
@pytest.mark.parametrize("verb", [INGEST, VALIDATE], ids=["ingest", "validate"])
def test_a_used_up_quota_is_told_and_leaves_no_partial_table(
    verbs: DataVerbs, clone: Path, undisturbed: str, verb: tuple[str, ...]
) -> None:
    if verb == VALIDATE:
        succeeds(verbs.run(clone, *INGEST))

    error = refused(verbs.traced(clone, "fsync:error=EDQUOT:when=1+", *verb), "disk-full", 5)

    assert "quota" in str(error["message"])
    nothing_accepted(clone)
    assert finished(verbs, clone) == undisturbed


@pytest.mark.fault(12)
def test_a_landing_of_another_user_is_refused_with_its_owner(
    verbs: DataVerbs, clone: Path, undisturbed: str
) -> None:
    with owned_by(clone, NOBODY, besides="var/landing"):
        error = refused(verbs.run(clone, *INGEST, uid=NOBODY), "not-writable", 5)

    assert "var" in str(error["where"])
    assert finished(verbs, clone) == undisturbed


@pytest.mark.fault(12)
def test_a_file_that_this_user_may_not_read_is_refused(
    verbs: DataVerbs, clone: Path, undisturbed: str
) -> None:
    (clone / "week.tsv").chmod(0o600)

    with owned_by(clone, NOBODY, besides="week.tsv"):
        refused(verbs.run(clone, *INGEST, uid=NOBODY), "unsafe-path", 3)

    assert finished(verbs, clone) == undisturbed


@pytest.mark.fault(16)
def test_nothing_is_accepted_when_the_quarantine_cannot_be_written(
    verbs: DataVerbs, clone: Path, undisturbed: str
) -> None:
    succeeds(verbs.run(clone, *INGEST))

    with owned_by(clone, NOBODY, besides="var/quarantine"):
        refused(verbs.run(clone, *VALIDATE, uid=NOBODY), "not-writable", 5)

    nothing_accepted(clone)
    assert finished(verbs, clone) == undisturbed


# --- an expectation raises


@pytest.mark.fault(14)
def test_an_expectation_that_raises_is_an_error_by_its_name_and_never_passed(
    verbs: DataVerbs, clone: Path, undisturbed: str
) -> None:
    succeeds(verbs.run(clone, *INGEST))

    error = refused(verbs.run(clone, *VALIDATE, broken_check=True), "expectation-raised", 3)

    report = storage.read_record(clone / f"var/validation/{LAST}.json", PartitionReport)
    assert "no_such_column" in str(error["message"])
    assert report.decision == "ERROR"
    nothing_accepted(clone)
    assert finished(verbs, clone) == undisturbed
