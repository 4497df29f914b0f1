"""The door to files: a write that fails at any operation leaves old content or new, never a mix."""

import errno
import os
import resource
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pipelines import storage
from pipelines.errors import (
    DiskError,
    DiskFull,
    NotWritable,
    TandemError,
)

OLD, NEW = b"old content", b"new content"
WRITING = ("open", "fdopen", "fchmod", "fsync", "replace", "rename", "link")


class Outcome(NamedTuple):
    """What one failed attempt left behind."""

    error: type[BaseException] | None
    content: bytes | None
    names: list[str]


class FailingSystem:
    """Lets the n-th writing operation of the operating system fail."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.left = -1
        self.number = errno.EIO
        for name in WRITING:
            monkeypatch.setattr(os, name, self._counted(getattr(os, name)))

    def _counted(self, real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            self.left -= 1
            if self.left == 0:
                raise OSError(self.number, os.strerror(self.number))
            return real(*args, **kwargs)

        return call

    def at_each_operation(
        self, arrange: Callable[[], Path], act: Callable[[], None]
    ) -> list[Outcome]:
        """Repeats arrange and act with a failure at operation 1, 2, 3 … until act succeeds."""
        return list(self._attempts(arrange, act))

    def _attempts(self, arrange: Callable[[], Path], act: Callable[[], None]) -> Iterator[Outcome]:
        for operation in range(1, 100):
            path = arrange()
            self.left = operation
            error: type[BaseException] | None = None
            try:
                act()
            except Exception as raised:
                error = type(raised)
            self.left = -1
            content = path.read_bytes() if path.exists() else None
            names = sorted(p.name for p in path.parent.iterdir())
            yield Outcome(error, content, names)
            if error is None:
                return


@pytest.fixture
def system(monkeypatch: pytest.MonkeyPatch) -> FailingSystem:
    return FailingSystem(monkeypatch)


# --- write_atomic


def test_a_failed_write_leaves_old_or_new_content_and_no_temporary_file(
    tmp_path: Path, system: FailingSystem
) -> None:
    path = tmp_path / "folder" / "record.json"

    def arrange() -> Path:
        storage.write_atomic(path, OLD)
        return path

    attempts = system.at_each_operation(arrange, lambda: storage.write_atomic(path, NEW))

    failed = attempts[:-1]
    assert len(failed) >= 6  # open, fdopen, fchmod, fsync, replace; open and fsync of the folder
    assert {outcome.error for outcome in failed} == {DiskError}
    assert {outcome.content for outcome in failed} <= {OLD, NEW}
    assert failed[0].content == OLD
    assert {tuple(outcome.names) for outcome in failed} == {("record.json",)}
    assert attempts[-1] == Outcome(None, NEW, ["record.json"])


def test_a_failed_first_write_leaves_nothing_or_all_of_it(
    tmp_path: Path, system: FailingSystem
) -> None:
    path = tmp_path / "key"

    def arrange() -> Path:
        path.unlink(missing_ok=True)
        return path

    attempts = system.at_each_operation(arrange, lambda: storage.write_new(path, NEW))

    assert {outcome.content for outcome in attempts[:-1]} <= {None, NEW}
    assert {tuple(outcome.names) for outcome in attempts} <= {(), ("key",)}
    assert attempts[-1].content == NEW


def test_a_failed_replacement_of_a_folder_leaves_the_old_or_the_new_one(
    tmp_path: Path, system: FailingSystem
) -> None:
    target = tmp_path / "artifact"

    def arrange() -> Path:
        storage.replace_folder(make_staging(target, OLD), target)
        return target / "weights"

    def act() -> None:
        storage.replace_folder(make_staging(target, NEW), target)

    attempts = system.at_each_operation(arrange, act)

    assert {outcome.content for outcome in attempts[:-1]} <= {OLD, NEW}
    assert attempts[-1].content == NEW


def test_the_next_replacement_removes_what_a_failed_one_left(
    tmp_path: Path, system: FailingSystem
) -> None:
    target = tmp_path / "artifact"
    staging = make_staging(target, OLD)
    system.left = 2
    with pytest.raises(DiskError):
        storage.replace_folder(staging, target)
    assert staging.exists()

    storage.replace_folder(make_staging(target, NEW), target)

    assert [path.name for path in tmp_path.iterdir()] == ["artifact"]


def make_staging(target: Path, content: bytes) -> Path:
    staging = storage.staging_folder(target)
    (staging / "weights").write_bytes(content)
    return staging


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        pytest.param(errno.ENOSPC, DiskFull, id="no space"),
        pytest.param(errno.EDQUOT, DiskFull, id="quota"),
        pytest.param(errno.EFBIG, DiskFull, id="file size limit"),
        pytest.param(errno.EROFS, NotWritable, id="read-only"),
        pytest.param(errno.EACCES, NotWritable, id="permission"),
        pytest.param(errno.EIO, DiskError, id="broken disk"),
    ],
)
def test_a_write_that_fails_names_the_path_and_ends_with_exit_code_5(
    tmp_path: Path, system: FailingSystem, number: int, expected: type[TandemError]
) -> None:
    system.left, system.number = 1, number

    with pytest.raises(expected) as failed:
        storage.write_atomic(tmp_path / "record.json", NEW)

    assert failed.value.exit_code == 5
    assert str(tmp_path / "record.json") in failed.value.render()


@pytest.mark.parametrize(
    ("number", "said"),
    [
        pytest.param(errno.EDQUOT, "quota of this user", id="quota"),
        pytest.param(errno.EFBIG, "file size limit", id="file size limit"),
        pytest.param(errno.EACCES, "belongs to ", id="permission"),
        pytest.param(errno.EIO, "Input/output error", id="broken disk"),
    ],
)
def test_a_write_that_fails_says_what_refused_it(
    tmp_path: Path, system: FailingSystem, number: int, said: str
) -> None:
    system.left, system.number = 1, number

    with pytest.raises(TandemError) as failed:
        storage.write_atomic(tmp_path / "record.json", NEW)

    assert said in failed.value.render()


def test_a_full_disk_says_how_much_is_free(tmp_path: Path, system: FailingSystem) -> None:
    system.left, system.number = 1, errno.ENOSPC

    with pytest.raises(DiskFull) as full:
        storage.write_atomic(tmp_path / "record.json", NEW)

    assert " MB are free" in full.value.hint


def test_the_mode_is_as_asked_whatever_the_umask(tmp_path: Path) -> None:
    before = os.umask(0o077)
    storage.write_atomic(tmp_path / "public", NEW, mode=0o644)
    os.umask(0)
    storage.write_atomic(tmp_path / "secret", NEW, mode=0o600)
    os.umask(before)

    assert stat.S_IMODE((tmp_path / "public").stat().st_mode) == 0o644
    assert stat.S_IMODE((tmp_path / "secret").stat().st_mode) == 0o600


def test_an_open_reader_keeps_the_old_content(tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    storage.write_atomic(path, OLD)

    with path.open("rb") as reader:
        storage.write_atomic(path, NEW)

        assert reader.read() == OLD
    assert path.read_bytes() == NEW


def test_of_two_first_writers_the_first_wins(tmp_path: Path) -> None:
    storage.write_new(tmp_path / "key", OLD)
    storage.write_new(tmp_path / "key", NEW)

    assert (tmp_path / "key").read_bytes() == OLD
    assert [path.name for path in tmp_path.iterdir()] == ["key"]


def test_a_new_staging_folder_removes_what_a_killed_writer_left(tmp_path: Path) -> None:
    target = tmp_path / "artifact"
    left = storage.staging_folder(target)
    (left / "half").write_bytes(b"h")

    storage.staging_folder(target)

    assert not left.exists()


def test_a_folder_that_was_only_moved_away_comes_back_before_the_next_is_begun(
    tmp_path: Path,
) -> None:
    target = tmp_path / "artifact"
    make_staging(target, OLD).rename(tmp_path / ".artifact.old.tmp")  # then it was killed

    staging = storage.staging_folder(target)

    assert (target / "weights").read_bytes() == OLD
    storage.replace_folder(staging, target)
    assert [path.name for path in tmp_path.iterdir()] == ["artifact"]


@pytest.mark.parametrize(
    ("name", "other"),
    [
        pytest.param("run", "run.2", id="the beginning of another name"),
        pytest.param("[ab]", "a", id="a pattern"),
    ],
)
def test_what_another_writer_is_at_work_on_stays(tmp_path: Path, name: str, other: str) -> None:
    busy, left = (storage.staging_folder(tmp_path / one) for one in (other, name))

    storage.staging_folder(tmp_path / name)

    assert busy.exists()
    assert not left.exists()


def test_a_lock_file_that_cannot_be_written_is_a_fault_of_the_disk(tmp_path: Path) -> None:
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, before[1]))
    try:
        with pytest.raises(DiskFull, match="file size limit"), storage.lock(tmp_path / "a", "test"):
            pass
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_sweep_removes_what_killed_writers_of_that_file_left_and_nothing_else(
    tmp_path: Path,
) -> None:
    names = ["record.json", ".record.json.0a1b2c3d.tmp", ".other.json.0a1b2c3d.tmp"]
    for name in names:
        (tmp_path / name).touch()

    storage.sweep(tmp_path / "record.json")

    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([names[0], names[2]])
