"""Files on this machine: opened once, regular files only, and never followed through a link."""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from pipelines.descriptors import FilesSource, Table
from pipelines.errors import SourceChanged, UnsafePath

CHUNK = 1 << 20
_REASONS = {
    errno.ENOENT: "there is no such file",
    errno.ELOOP: "it is a symbolic link",
    errno.EACCES: "this user may not read it",
    errno.ENAMETOOLONG: "the name is too long",
}


class FileTables:
    """The tables of a descriptor that lie in files."""

    def __init__(self, source: FilesSource) -> None:
        self.name = source.folder
        self._folder = Path(source.folder)
        self._digests: dict[str, str] = {}

    @property
    def digest(self) -> str:
        """SHA-256 over the digests of the files opened so far."""
        lines = "".join(f"{path}\0{digest}\n" for path, digest in sorted(self._digests.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    @contextmanager
    def open(self, table: Table) -> Iterator[IO[bytes]]:
        """One table's bytes.

        Raises:
            UnsafePath: It is no readable regular file.
            SourceChanged: It is not the content that the descriptor declares.
        """
        path = self._folder / table.path
        with open_regular(path) as (stream, digest):
            if table.sha256 not in (None, digest):
                raise SourceChanged(
                    f"the file has the digest {digest[:12]}…, not {str(table.sha256)[:12]}…",
                    where=[str(path)],
                    hint="fetch it again; if the change is meant, set sha256 in the descriptor",
                )
            self._digests[table.path] = digest
            yield stream


@contextmanager
def open_regular(path: Path) -> Iterator[tuple[IO[bytes], str]]:
    """A regular file's bytes and their SHA-256, both of the same open file.

    Raises:
        UnsafePath: It is a link, a folder, a FIFO or a device, or cannot be read.
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
    with os.fdopen(descriptor, "rb") as stream:
        digest = hashlib.sha256()
        while chunk := stream.read(CHUNK):
            digest.update(chunk)
        stream.seek(0)
        yield stream, digest.hexdigest()


def _unsafe(path: Path, reason: str) -> UnsafePath:
    return UnsafePath(
        f"the file cannot be taken: {reason}",
        where=[str(path)],
        hint="name a regular file that this user may read",
    )
