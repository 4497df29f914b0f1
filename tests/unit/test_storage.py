"""The door to files: a write that fails at any operation leaves old content or new, never a mix."""

import errno
import math
import os
import stat
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pytest

from pipelines import storage
from pipelines.contracts.record import Record
from pipelines.errors import BadRecord, DiskError, DiskFull, LockHeld, NotWritable, TandemError

OLD, NEW = b"old content", b"new content"
WRITING = ("open", "fdopen", "fchmod", "fsync", "replace", "rename", "link")


class Figures(Record):
    """A record for these tests."""

    name: str
    share: float


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


# --- records


def test_a_record_survives_writing_and_reading(tmp_path: Path) -> None:
    record = Figures(name="ñ", share=0.25)

    storage.write_record(tmp_path / "r.json", record)

    assert storage.read_record(tmp_path / "r.json", Figures) == record


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param('{"name": "a"}', "share", id="a field is missing"),
        pytest.param('{"name": "a", "share": 1.0, "x": 1}', "x", id="a field too many"),
        pytest.param('{"name": 1, "share": 1.0}', "name", id="a number for a text"),
        pytest.param('{"name": "a", "share": NaN}', "share", id="NaN"),
        pytest.param('{"name": "a", "share": 1e999}', "share", id="infinity"),
        pytest.param('{"name": "a", "sh', "Figures", id="cut"),
        pytest.param("", "Figures", id="empty"),
    ],
)
def test_a_file_that_is_no_such_record_is_refused_by_field_and_path(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)

    with pytest.raises(BadRecord) as refused:
        storage.read_record(path, Figures)

    assert complaint in refused.value.render()
    assert str(path) in refused.value.render()


def test_a_missing_record_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match="missing"):
        storage.read_record(tmp_path / "none.json", Figures)
    with pytest.raises(BadRecord, match="missing"):
        storage.read_json(tmp_path / "none.json")


def test_json_never_holds_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        storage.write_json(tmp_path / "r.json", {"share": math.nan})

    assert list(tmp_path.iterdir()) == []


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
