"""From the bytes of a source to its first byte of content: size limit, compression, no table."""

import gzip
import io
import lzma
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

PARQUET = b"PAR1"
PEEK_BYTES = 1 << 16
SHOWN_CHARACTERS = 80
TAR_MAGIC_AT = 257
_ARCHIVE = "an archive inside an archive; compress the file once"
_FOREIGN: tuple[tuple[bytes, str], ...] = (
    (b"version https://git-lfs", "a Git LFS pointer; run `git lfs pull` where it comes from"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive or a workbook; unpack it, or save the sheet as CSV"),
    (b"BZh", "bzip2; use gzip or zstd"),
    (b"\x1f\x8b", _ARCHIVE),
    (b"\x28\xb5\x2f\xfd", _ARCHIVE),
    (b"\xfd7zXZ\x00", _ARCHIVE),
    (b"<", "a web page or XML"),
)
_JSON = ((b"{", "JSON; for one object a line, end its name in .jsonl"), (b"[", "JSON"))
_PICKLE = ((b"\x80", "a Python pickle; only `format.kind: pickle` reads it, as data"),)


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


def open_content(stream: IO[bytes], name: str, max_bytes: int, kind: str = "delimited") -> Content:
    """The content of a source, compressed or not, whatever its name says.

    Args:
        stream: The raw bytes, at the start.
        name: The source's name, for messages and for what its suffix promises.
        max_bytes: Larger content is refused while it streams.
        kind: Of the descriptor's format: `delimited`, `jsonl` or `pickle`.

    Raises:
        SourceEmpty, NotTabular: There is nothing to read, or no table.
        SourceTruncated, SourceCorrupt, SourceTooLarge: Now, or later while reading.
    """
    raw = io.BufferedReader(_Metered(stream.read, name, max_bytes))
    found = next((c for c in COMPRESSIONS if raw.peek(8).startswith(c.magic)), None)
    if found:
        raw = io.BufferedReader(_Metered(found.open(raw), name, max_bytes), PEEK_BYTES)
    head = raw.peek(PEEK_BYTES)
    _check_tabular(head, name, kind)
    said = next((c for c in COMPRESSIONS if name.endswith(c.suffix)), None)
    notices = []
    if found != said:
        text = f"{name} is {found.name if found else 'not compressed'}, whatever its name says"
        notices.append(Notice(slug="compression-name", text=text))
    return Content(raw, head, notices)


def without_suffix(name: str) -> str:
    """The name without the suffix of its compression."""
    for compression in COMPRESSIONS:
        name = name.removesuffix(compression.suffix)
    return name


@dataclass(frozen=True)
class _Compression:
    name: str
    magic: bytes
    suffix: str
    open: Callable[["io.BufferedReader[Any]"], Callable[[int], bytes]]


def _gzip(raw: "io.BufferedReader[Any]") -> Callable[[int], bytes]:
    return gzip.GzipFile(fileobj=raw).read


def _zstd(raw: "io.BufferedReader[Any]") -> Callable[[int], bytes]:
    import pyarrow as pa

    read: Callable[[int], bytes] = pa.CompressedInputStream(pa.PythonFile(raw, "r"), "zstd").read
    return read


def _xz(raw: "io.BufferedReader[Any]") -> Callable[[int], bytes]:
    """Not LZMAFile: it overlooks what is behind the end."""
    decoder = lzma.LZMADecompressor()

    def read(size: int) -> bytes:
        while not decoder.eof:
            packed = raw.read(PEEK_BYTES) if decoder.needs_input else b""
            if decoder.needs_input and not packed:
                raise EOFError
            if content := decoder.decompress(packed, size):
                return content
        if decoder.unused_data or raw.peek(1):
            raise lzma.LZMAError("there is something behind the end")
        return b""

    return read


COMPRESSIONS = (
    _Compression("gzip", b"\x1f\x8b", ".gz", _gzip),
    _Compression("zstd", b"\x28\xb5\x2f\xfd", ".zst", _zstd),
    _Compression("xz", b"\xfd7zXZ\x00", ".xz", _xz),
)


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
            raise self._truncated() from error
        except (gzip.BadGzipFile, zlib.error, lzma.LZMAError) as error:
            raise self._refuse(
                SourceCorrupt, f"broken archive: {error}", "send it again"
            ) from error
        except OSError as error:  # of zstd: Arrow has one kind for all of it
            if error.errno is not None:
                raise
            if "Truncated" in str(error):
                raise self._truncated() from error
            raise self._refuse(
                SourceCorrupt, f"broken archive: {error}", "send it again"
            ) from error
        self._seen += len(chunk)
        if self._seen > self._max:
            hint = "raise ingest.max_source_bytes if that size is meant"
            raise self._refuse(SourceTooLarge, f"larger than {self._max:,} bytes", hint)
        buffer[: len(chunk)] = chunk
        return len(chunk)

    def _truncated(self) -> InputRefused:
        return self._refuse(SourceTruncated, "the file ends in the middle", "send it again, whole")

    def _refuse(self, kind: type[InputRefused], what: str, hint: str) -> InputRefused:
        place = f"{self._name}, after {self._seen:,} bytes of content"
        return kind(what, where=[place], hint=hint)


def _check_tabular(head: bytes, name: str, kind: str) -> None:
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not start:
        raise SourceEmpty(
            "the file has no content" if not head else "the file holds nothing but blanks",
            where=[name],
            hint="check the export that wrote it",
        )
    foreign = _FOREIGN
    foreign += _JSON if kind == "delimited" else ()
    foreign += _PICKLE if kind != "pickle" else ()
    found = next((what for prefix, what in foreign if start.startswith(prefix)), None)
    if not found and head[TAR_MAGIC_AT : TAR_MAGIC_AT + 5] == b"ustar":
        found = "a tar archive; unpack it"
    if found:
        shown = start[:SHOWN_CHARACTERS].decode("utf-8", "replace")
        shown = "".join(c if c.isprintable() else " " for c in shown)
        raise NotTabular(
            f"this is no table: {shown!r}", where=[name], hint=f"it looks like {found}"
        )
