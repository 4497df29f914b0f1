"""Faults of the disk under the state: full, limited, failing, closed; nothing is half-published."""

import errno
import os
import re
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

from pipelines.errors import DiskError, DiskFull, NotWritable, TandemError
from pipelines.state import runs
from tests.integration import small_state
from tests.integration.small_state import SmallState
from tests.integration.whole_state import assert_whole, commits_of, leftovers, published

FIRST, SECOND = "1998-03-02", "1998-03-09"
ROWS = "r" * 100_000
"""Of one run: each of its three tables takes that many bytes."""
NEED = 3 * len(ROWS)
NOBODY = 65_534
STATE, CACHE, REMOTE, RUNS = "state.git", "cache", "remote", "runs"


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallState]:
    yield from small_state.grown(tmp_path_factory.mktemp("grown"), FIRST)


@pytest.fixture
def small(grown: SmallState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallState:
    """With a run that waits to be committed."""
    copied = small_state.copy_of(grown, tmp_path, monkeypatch)
    copied.accept("run", SECOND, ROWS)
    return copied


def refused(
    small: SmallState, kind: type[TandemError], said: str, under: Sequence[str] = ()
) -> "subprocess.CompletedProcess[str]":
    """A commit that must end with that error, and publish nothing."""
    before = published(small)

    told = small.tandem("run", "commit", "run", under=under)

    assert told.returncode == kind.exit_code, told.stderr
    assert "Traceback" not in told.stderr
    assert re.search(f"^error: .*{said}", told.stderr, re.MULTILINE), told.stderr
    assert "\nwhere: " in told.stderr
    assert "\nhint: " in told.stderr
    assert published(small) == before
    return told


def finished(small: SmallState) -> None:
    """The same command again, with nothing cleaned by hand, publishes the run once."""
    told = small.tandem("run", "commit", "run")

    assert told.returncode == 0, told.stderr
    assert len(commits_of(small, "run")) == 1
    assert small.state.resolve("main") == small.state.resolve(f"data/{SECOND}")
    assert_whole(small)
    assert leftovers(small, "run") == []


@contextmanager
def small_disk(folder: Path, options: str) -> Iterator[None]:
    """A disk of its own under a folder, with the folder's content, until the block ends."""
    if os.geteuid() != 0:
        pytest.skip("only root mounts a disk")
    aside = folder.with_name(f"{folder.name}-aside")
    folder.rename(aside)
    folder.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", folder], check=True)
    try:
        subprocess.run(["cp", "-a", f"{aside}/.", folder], check=True)
        yield
    finally:
        subprocess.run(["umount", folder], check=True)
        folder.rmdir()
        aside.rename(folder)


def leave_free(folder: Path, share: float) -> Path:
    """Fills the disk but for a share of what the run needs; the file that fills it."""
    facts = os.statvfs(folder)
    ballast = folder / "ballast"
    ballast.write_bytes(b"b" * int(facts.f_bavail * facts.f_frsize - share * NEED))
    return ballast


@pytest.mark.fault(7)
@pytest.mark.parametrize(("store", "share"), [(CACHE, 0.5), (REMOTE, 0.1), (REMOTE, 0.9)])
def test_a_disk_that_is_too_small_is_told_before_anything_is_written(
    small: SmallState, store: str, share: float
) -> None:
    folder = small.home.path / store
    with small_disk(folder, "size=4m"):
        ballast = leave_free(folder, share)
        before = sorted(folder.rglob("*"))

        told = refused(small, DiskFull, r"needs 0\.3 MB, 0\.[0-9] MB are free")

        assert str(folder) in told.stderr
        assert sorted(folder.rglob("*")) == before
        ballast.unlink()
        finished(small)


@pytest.mark.fault(7)
@pytest.mark.parametrize("store", [CACHE, REMOTE, STATE, RUNS])
def test_a_disk_that_is_full_by_surprise_is_named_and_nothing_is_published(
    small: SmallState, store: str
) -> None:
    """Bytes are free, but no place for another file's name: nobody foresees that."""
    folder = small.home.path / store
    used = sum(1 for _ in folder.rglob("*")) + 1
    with small_disk(folder, f"size=32m,nr_inodes={used + 2}"):
        told = refused(small, DiskFull, "no space left to write")

        assert str(folder) in told.stderr
        subprocess.run(["mount", "-o", "remount,nr_inodes=100000", folder], check=True)
        finished(small)


@pytest.mark.fault(8)
@pytest.mark.parametrize("limit", [100, 1_000, 50_000])
def test_a_file_size_limit_is_named_and_nothing_is_published(small: SmallState, limit: int) -> None:
    """By size it hits our own record, a file of Git (which dies of a signal), a copy of DVC."""
    refused(small, DiskFull, "file size limit", under=("prlimit", f"--fsize={limit}"))

    finished(small)


def failing(call: str, error: str, first: int) -> list[str]:
    """A program under which a system call of every process fails from its n-th on."""
    inject = f"inject={call}:error={error}:when={first}+"
    return ["strace", "-f", "-qq", "-o", os.devnull, "-e", f"trace={call}", "-e", inject]


@pytest.mark.fault(9)
@pytest.mark.parametrize("first", [1, 2])
def test_a_used_up_quota_is_named_and_nothing_is_published(small: SmallState, first: int) -> None:
    refused(small, DiskFull, "quota", under=failing("fsync", "EDQUOT", first))

    finished(small)


@pytest.mark.fault(10)
@pytest.mark.parametrize("first", [1, 2, 4, 8])
def test_a_failed_fsync_ends_the_commit_and_the_next_try_starts_afresh(
    small: SmallState, first: int
) -> None:
    """In Git, and in ours over each object that was pushed: nothing that failed is believed."""
    refused(small, DiskError, os.strerror(errno.EIO), under=failing("fsync", "EIO", first))

    finished(small)


@pytest.mark.fault(12)
@pytest.mark.parametrize("store", [STATE, CACHE, REMOTE, RUNS])
def test_a_folder_of_another_user_is_named_with_its_owner(small: SmallState, store: str) -> None:
    """As root without the right to ignore permissions: it can still run our interpreter."""
    if os.geteuid() != 0:
        pytest.skip("only root gives a folder to another user")
    folder = small.home.path / store
    subprocess.run(["chown", "-R", str(NOBODY), folder], check=True)
    bound = ("setpriv", "--bounding-set=-dac_override,-dac_read_search")

    told = refused(small, NotWritable, "this user may not write here", under=bound)

    assert f"hint: {folder}" in told.stderr
    assert "belongs to nobody, mode 0755; this is root" in told.stderr
    subprocess.run(["chown", "-R", "0", folder], check=True)
    finished(small)


@pytest.mark.fault(12)
def test_a_read_only_remote_is_named(small: SmallState) -> None:
    with small_disk(small.home.remote, "size=4m"):
        subprocess.run(["mount", "-o", "remount,ro", small.home.remote], check=True)

        told = refused(small, NotWritable, "Read-only file system")

        assert str(small.home.remote) in told.stderr
        subprocess.run(["mount", "-o", "remount,rw", small.home.remote], check=True)
        finished(small)


@pytest.mark.fault(7)
def test_a_run_that_finds_no_room_for_its_clone_is_not_opened(small: SmallState) -> None:
    with small_disk(small.home.runs, "size=16m"):
        ballast = leave_free(small.home.runs, 0.1)

        told = small.tandem("run", "open", "next")

        assert told.returncode == DiskFull.exit_code
        assert "error: no space left to write" in told.stderr
        assert not (small.home.runs / "next").exists()
        assert leftovers(small) == []
        ballast.unlink()
        assert runs.open_run(small.home, "next").kind == "recipe"
