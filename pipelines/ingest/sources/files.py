"""Files on this machine: opened once, regular files only, and never followed through a link."""

import errno
import hashlib
import io
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from typing import IO

from pipelines.descriptors import FilesSource, Table
from pipelines.errors import SourceChanged, SourceChanging, UnsafePath
from pipelines.ingest.mapping import Wanted
from pipelines.ingest.tables import RawTable, read_table
from pipelines.params import IngestParams

CHUNK = 1 << 20
_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.ELOOP: "it is a symbolic link",
    errno.EACCES: "this user may not read it",
    errno.ENAMETOOLONG: "the name is too long",
}


class FileTables:
    """The tables of a descriptor that lie in files."""

    def __init__(self, source: FilesSource, limits: IngestParams) -> None:
        self.name = source.folder
        self._folder, self._limits = Path(source.folder), limits
        self._digests: dict[str, str] = {}

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of the files opened so far."""
        lines = "".join(f"{path}\0{digest}\n" for path, digest in sorted(self._digests.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    def read(self, name: str, table: Table, wanted: Wanted) -> RawTable:  # noqa: ARG002 (of sql)
        """One table.

        Raises:
            UnsafePath: It is no readable regular file below the folder.
            SourceChanged: It is not the content that the descriptor declares.
            InputRefused: It is no table of its kind.
        """
        check_below(table.path)
        path = self._folder / table.path
        with open_regular(path) as (stream, digest):
            if table.sha256 not in (None, digest):
                raise SourceChanged(
                    f"the file has the digest {digest}, not {table.sha256}",
                    where=[str(path)],
                    hint="fetch it again; if the change is meant, set sha256 in the descriptor",
                )
            self._digests[table.path] = digest
            return read_table(stream, table.path, table, wanted, self._limits)

    def close(self) -> None:
        """Nothing stays open."""


def check_below(path: str) -> None:
    """Refuses a path that leads out of the folder or archive in which it is looked up.

    Raises:
        UnsafePath: It is absolute, or has a `..` in it.
    """
    if PurePosixPath(path).is_absolute() or ".." in PurePosixPath(path).parts:
        raise _unsafe(Path(path), "the path leads out of its source")


@contextmanager
def open_regular(path: Path) -> Iterator[tuple[IO[bytes], str]]:
    """A regular file's bytes and their SHA-256, both of the same open file.

    What is appended while the file is read does not count: it ends where it ended when its digest
    was taken.

    Raises:
        UnsafePath: It is a link, a folder, a FIFO or a device, or cannot be read.
        SourceChanging: What had a digest was rewritten before it was read.
    """
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError) as error:  # ValueError: a NUL in the path
        reason = _REASONS.get(getattr(error, "errno", 0) or 0, str(error))
        raise _unsafe(path, reason) from error
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise _unsafe(path, "it is no regular file")
    with os.fdopen(descriptor, "rb") as file:
        snapshot = _Snapshot(file)
        yield io.BufferedReader(snapshot, CHUNK), snapshot.digest
        snapshot.check(path)


class _Snapshot(io.RawIOBase):
    """The bytes that a file had when its digest was taken; hashed again as they are read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file, self._left = file, 0
        first = hashlib.sha256()
        while chunk := file.read(CHUNK):
            first.update(chunk)
            self._left += len(chunk)
        file.seek(0)
        self.digest = first.hexdigest()
        self._again = hashlib.sha256()

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed: Buffer
        chunk = self._file.read(min(len(buffer), self._left))
        self._left -= len(chunk)
        self._again.update(chunk)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def check(self, path: Path) -> None:
        while self.read(CHUNK):
            pass
        if self._again.hexdigest() != self.digest:
            raise SourceChanging(
                "the file was rewritten while it was read",
                where=[str(path)],
                hint="wait until its writer is done; better, have it written beside and renamed",
            )


def _unsafe(path: Path, reason: str) -> UnsafePath:
    return UnsafePath(
        f"the file cannot be taken: {reason}",
        where=[str(path)],
        hint="name a regular file that this user may read",
    )
