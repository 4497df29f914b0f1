"""From the bytes of a source to its first byte of content: size limit, gzip, what is no table."""

import gzip
import io
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from pipelines.contracts.data import Notice
from pipelines.errors import (
    InputRefused,
    NotTabular,
    SourceCorrupt,
    SourceEmpty,
    SourceTooLarge,
    SourceTruncated,
)

GZIP = b"\x1f\x8b"
PARQUET = b"PAR1"
PEEK_BYTES = 1 << 16
SHOWN_CHARACTERS = 80
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a Git LFS pointer; run `git lfs pull` where it comes from"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or a workbook; unpack it, or save the sheet as CSV"),
    (b"<", "a web page or XML"),
    (b"{", "JSON"),
    (b"[", "JSON"),
)


@dataclass(frozen=True)
class Content:
    """A source's content, decompressed, at its first byte."""

    stream: "io.BufferedReader[Any]"
    head: bytes
    """The first bytes, not consumed."""
    notices: list[Notice]

    @property
    def is_parquet(self) -> bool:
        """Whether it starts like a Parquet file."""
        return self.head.startswith(PARQUET)


def open_content(stream: IO[bytes], name: str, max_bytes: int) -> Content:
    """The content of a source, gzip or not, whatever its name says.

    Args:
        stream: The raw bytes, at the start.
        name: The source's name, for messages and for what its suffix promises.
        max_bytes: Larger content is refused while it streams.

    Raises:
        SourceEmpty, NotTabular: There is nothing to read, or no table.
        SourceTruncated, SourceCorrupt, SourceTooLarge: Now, or later while reading.
    """
    raw = io.BufferedReader(_Metered(stream.read, name, max_bytes))
    is_gzip = raw.peek(2).startswith(GZIP)
    if is_gzip:
        archive = gzip.GzipFile(fileobj=raw)
        raw = io.BufferedReader(_Metered(archive.read, name, max_bytes), PEEK_BYTES)
    head = raw.peek(PEEK_BYTES)
    _check_tabular(head, name)
    notices = []
    if is_gzip != name.endswith(".gz"):
        text = f"{name} is {'' if is_gzip else 'not '}gzip, whatever its name says"
        notices.append(Notice(slug="compression-name", text=text))
    return Content(raw, head, notices)


class _Metered(io.RawIOBase):
    """Counts bytes, stops at the limit, and turns what a broken archive raises into ours."""

    def __init__(self, read: Callable[[int], bytes], name: str, max_bytes: int) -> None:
        self._read, self._name, self._max = read, name, max_bytes
        self._seen = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # typeshed: Buffer
        try:
            chunk = self._read(len(buffer))
        except EOFError as error:
            raise self._refuse(
                SourceTruncated, "the file ends in the middle", "send it again, whole"
            ) from error
        except (gzip.BadGzipFile, zlib.error) as error:
            raise self._refuse(SourceCorrupt, f"gzip: {error}", "send it again") from error
        self._seen += len(chunk)
        if self._seen > self._max:
            hint = "raise ingest.max_source_bytes if that size is meant"
            raise self._refuse(SourceTooLarge, f"larger than {self._max:,} bytes", hint)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def _refuse(self, kind: type[InputRefused], what: str, hint: str) -> InputRefused:
        place = f"{self._name}, after {self._seen:,} bytes of content"
        return kind(what, where=[place], hint=hint)


def _check_tabular(head: bytes, name: str) -> None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise SourceEmpty(
            "the file has no content" if not head else "the file holds nothing but blanks",
            where=[name],
            hint="check the export that wrote it",
        )
    for prefix, what in _FOREIGN:
        if start.startswith(prefix):
            shown = start[:SHOWN_CHARACTERS].decode("utf-8", "replace")
            shown = "".join(c if c.isprintable() else " " for c in shown)
            raise NotTabular(
                f"this is no table: {shown!r}", where=[name], hint=f"it looks like {what}"
            )
