"""The only door to files of ours: atomic writes, digests, locks, tables and records.

A write is temporary file in the same folder → fsync → rename → fsync of the folder, so that a
reader sees the old content or the new one and nothing in between (Pillai et al., OSDI 2014).
"""

import errno
import fcntl
import glob
import hashlib
import json
import os
import re
import secrets
import shutil
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import psutil
from pydantic import BaseModel, ValidationError

from pipelines import disk
from pipelines.errors import BadRecord, LockHeld, StateNewer

TEMPORARY = ".tmp"
NAMING_SECONDS = 0.5

Model = TypeVar("Model", bound=BaseModel)


# --- atomic writes


def write_atomic(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Replaces the file's content, or leaves the old one as it was.

    Raises:
        DiskFull, NotWritable, DiskError: The write failed; nothing changed.
    """
    with translated(path):
        temporary = _write_temporary(path, data, mode)
        try:
            temporary.replace(path)
        except OSError:
            temporary.unlink(missing_ok=True)
            raise
        sync_folder(path.parent)


def write_new(path: Path, data: bytes, mode: int = 0o644) -> None:
    """Writes the file only if there is none yet; of two writers at once the first wins."""
    with translated(path):
        temporary = _write_temporary(path, data, mode)
        try:
            os.link(temporary, path)
        except FileExistsError:
            pass
        finally:
            temporary.unlink(missing_ok=True)
        sync_folder(path.parent)


def replace_folder(staging: Path, target: Path) -> None:
    """Puts a finished folder in the place of another; `staging` must be on the same disk.

    A reader may find no folder for an instant, never a half-written one. After a kill in that
    instant the next `staging_folder` brings the old one back.
    """
    with translated(target):
        sync_tree(staging)
        target.parent.mkdir(parents=True, exist_ok=True)
        old = _old(target)
        if target.exists():
            _discard_old(target)
            target.rename(old)
        try:
            staging.rename(target)
        except OSError:
            if old.exists():
                old.rename(target)
            raise
        sync_folder(target.parent)
        _discard_old(target)


def staging_folder(target: Path) -> Path:
    """A new empty folder beside `target`, to be filled and handed to `replace_folder`.

    What a killed predecessor left behind is removed; if it had only moved `target` away, that
    comes back, since it may be the only whole copy.
    """
    with translated(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        old = _old(target)
        if old.exists() and not target.exists():
            old.rename(target)
        _discard_old(target)
        for left in _unfinished(target):
            shutil.rmtree(left, ignore_errors=True)
        staging = _temporary(target)
        staging.mkdir()
        return staging


def sweep(path: Path) -> None:
    """Removes what killed writers of a file left; for its only writer, or under its lock."""
    for left in _unfinished(path):
        left.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    """A new name beside a file or a folder, for what is not finished or no longer needed."""
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}{TEMPORARY}")


def _unfinished(path: Path) -> Iterator[Path]:
    """What has such a name, of this file or folder and of no other."""
    return path.parent.glob(f".{glob.escape(path.name)}.{'[0-9a-f]' * 8}{TEMPORARY}")


def _old(target: Path) -> Path:
    """Where a folder is while another takes its place; whole whenever it is there."""
    return target.with_name(f".{target.name}.old{TEMPORARY}")


def _discard_old(target: Path) -> None:
    with suppress(OSError):  # there is none; or it stays, whole, until the next time
        shutil.rmtree(_old(target).rename(_temporary(target)), ignore_errors=True)


def sync_folder(folder: Path) -> None:
    """Makes the folder's entries durable."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file(path: Path) -> None:
    """Makes a file's content durable."""
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_tree(folder: Path) -> None:
    """Makes every file and folder below durable."""
    for path in sorted(folder.rglob("*")):
        if path.is_dir():
            sync_folder(path)
        elif path.is_file():
            sync_file(path)
    sync_folder(folder)


def _write_temporary(path: Path, data: bytes, mode: int) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = _temporary(path)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
    descriptor = os.open(temporary, flags, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
    return temporary


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turns an OSError of a write into our error, once, naming the path.

    Raises:
        DiskFull, NotWritable, DiskError: See `disk.fault`.
    """
    try:
        yield
    except OSError as error:
        raise disk.fault(error.errno or errno.EIO, path) from error


# --- records


def write_json(path: Path, content: Mapping[str, Any] | list[Any]) -> None:
    """Writes readable JSON, keys in the given order; NaN is refused."""
    text = json.dumps(content, indent=2, ensure_ascii=False, allow_nan=False)
    write_atomic(path, f"{text}\n".encode())


def read_json(path: Path) -> Any:
    """The file's JSON.

    Raises:
        BadRecord: The file is missing or is not JSON.
    """
    try:
        return json.loads(path.read_bytes())
    except FileNotFoundError as error:
        raise BadRecord("a file is missing", where=[str(path)]) from error
    except ValueError as error:
        raise BadRecord(f"not JSON: {error}", where=[str(path)]) from error


def write_record(path: Path, record: BaseModel) -> None:
    """Writes a record as readable JSON."""
    write_atomic(path, f"{record.model_dump_json(indent=2, by_alias=True)}\n".encode())


def read_record(path: Path, model: type[Model]) -> Model:
    """The record in a file.

    Raises:
        BadRecord: The file is missing or holds something else.
        StateNewer: A newer Tandem wrote it.
    """
    try:
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise BadRecord("a file is missing", where=[str(path)]) from error
    return parse_record(content, model, str(path))


def parse_record(content: bytes, model: type[Model], place: str) -> Model:
    """The record that bytes hold; `place` says where they come from.

    Raises:
        BadRecord: They hold something else.
        StateNewer: A newer Tandem wrote them: their `schema` is above ours.
    """
    try:
        return model.model_validate_json(content)
    except ValidationError as error:
        _refuse_newer(error, place)
        first = error.errors()[0]
        names = ".".join(str(part) for part in first["loc"])
        raise BadRecord(
            f"not a {model.__name__}: {names}: {first['msg']}", where=[place]
        ) from error


def _refuse_newer(error: ValidationError, place: str) -> None:
    """Raises StateNewer if the record's own `schema` is a number above the one that we know."""
    for one in error.errors():
        number = one["input"]
        if one["loc"] == ("schema",) and type(number) is int and number > 0:
            known = one.get("ctx", {}).get("expected")
            raise StateNewer(
                f"a record has schema {number}, this Tandem knows {known}",
                where=[place],
                hint="use the Tandem that wrote it or a newer one: update this checkout",
            ) from error


# --- tables


def readable(path: Path) -> Path:
    """A path that an engine may open itself (encryption at rest comes in here)."""
    return path


def read_table(path: Path, columns: list[str] | None = None) -> Any:
    """A Parquet file as a pandas frame."""
    import pandas as pd

    return pd.read_parquet(readable(path), columns=columns)


def write_table(path: Path, frame: Any) -> None:
    """Writes a pandas frame as Parquet; equal frames give equal bytes.

    The index is not kept. Rows are written in the given order: sort first.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    table = pa.Table.from_pandas(frame, preserve_index=False).replace_schema_metadata(None)
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink, compression="zstd", row_group_size=1 << 20, store_schema=False)
    write_atomic(path, sink.getvalue().to_pybytes())


# --- digests


def sha256_file(path: Path) -> str:
    """SHA-256 of a file's content, in hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def tree_digest(folder: Path) -> str:
    """SHA-256 over the sorted lines `path NUL sha256 LF` of all files below the folder."""
    return digest_of_files(file_digests(folder))


def file_digests(folder: Path) -> dict[str, str]:
    """SHA-256 by path of all files below the folder."""
    return {
        path.relative_to(folder).as_posix(): sha256_file(path)
        for path in folder.rglob("*")
        if path.is_file()
    }


def digest_of_files(digests: Mapping[str, str]) -> str:
    """The tree digest of a folder whose files have these digests."""
    lines = sorted(f"{path}\0{digest}\n" for path, digest in digests.items())
    return hashlib.sha256("".join(lines).encode()).hexdigest()


# --- locks


@contextmanager
def lock(path: Path, verb: str) -> Iterator[None]:
    """Holds the lock while the block runs; the kernel frees it when the process dies.

    Args:
        path: The lock file; its content names the holder.
        verb: What the holder does, for the message that others see.

    Raises:
        LockHeld: Another living process holds it.
        DiskFull, NotWritable, DiskError: The lock file cannot be made or written.
    """
    with translated(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        with translated(path):
            _take(descriptor, path, verb)
        yield
    finally:
        os.close(descriptor)


def _take(descriptor: int, path: Path, verb: str) -> None:
    """Locks the file and writes into it who we are."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        raise LockHeld(
            f"another process is at it: {_holder(descriptor)}",
            where=[str(path)],
            hint="wait until it ends, then run the same again",
        ) from error
    owner = f"pid {os.getpid()}, {verb}, since {rfc3339(process_start())}\n"
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, owner.encode(), 0)


def _holder(descriptor: int) -> str:
    """The living process that the file names; it writes that an instant after it has the lock."""
    deadline = time.monotonic() + NAMING_SECONDS
    while True:
        named = os.pread(descriptor, 512, 0).decode(errors="replace").strip()
        pid = re.match(r"pid (\d+),", named)
        if (pid and psutil.pid_exists(int(pid[1]))) or time.monotonic() > deadline:
            return named or "unnamed"
        time.sleep(0.005)


# --- time


def process_start(pid: int | None = None) -> datetime:
    """When a process (default: this one) started, UTC: with the pid it names a process for good."""
    return datetime.fromtimestamp(psutil.Process(pid).create_time(), tz=UTC)


def now_utc() -> datetime:
    """The wall clock, UTC."""
    return datetime.now(tz=UTC)


def rfc3339(moment: datetime) -> str:
    """A UTC instant as RFC 3339 with `Z`; microseconds only where there are some."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def micros_to_rfc3339(micros: int) -> str:
    """Microseconds since 1970 as RFC 3339 with `Z`."""
    seconds, rest = divmod(micros, 1_000_000)
    return rfc3339(datetime.fromtimestamp(seconds, tz=UTC).replace(microsecond=rest))


def micros(moment: datetime) -> int:
    """A UTC instant as microseconds since 1970, exact."""
    delta = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (delta.days * 86_400 + delta.seconds) * 1_000_000 + delta.microseconds
