"""Delimited text, read as text: strict, line by line, every odd row marked and none dropped."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field

import pyarrow as pa

from pipelines.descriptors import TextFormat
from pipelines.errors import BadEncoding, NoRows, QuoteUnclosed, SourceEmpty
from pipelines.ingest import mapping
from pipelines.ingest.mapping import Wanted
from pipelines.ingest.streams import Content
from pipelines.ingest.tables import FAULT, FIELDS, LINE, RawTable

ROWS_PER_CHUNK = 1 << 16
KEPT_CHARACTERS = 256
"""Of a line that is too long."""
_STRAY_QUOTE = "expected after"
_BOMS = {b"\xff\xfe": "utf-16", b"\xfe\xff": "utf-16"}


def read(
    content: Content, form: TextFormat, wanted: Wanted, name: str, max_field_length: int
) -> RawTable:
    """The wanted columns as text, with the source line and the fault of each row.

    A last line without a newline counts as cut: what it holds may be half of what was meant.

    Raises:
        BadEncoding, DelimiterMismatch, HeaderMissing, ColumnsMissing, ColumnsDuplicate,
        QuoteUnclosed, SourceEmpty, NoRows: As their names say.
    """
    lines = _Lines(content, form, name, max_field_length)
    rows = _rows(lines, form, name, max_field_length)
    header = next(rows, None)
    if header is None:
        raise SourceEmpty("the file holds nothing but blanks", where=[name])
    mapping.check_delimiter(lines.first, form, wanted, name)
    match = mapping.match(header.fields, wanted, name)
    chunks = list(_chunks(rows, header.fields, match.positions))
    if not chunks:
        raise NoRows("the file has a header and no row", where=[name], hint="check the export")
    frame = pa.concat_tables(chunks).to_pandas()
    if lines.is_cut:
        frame.loc[len(frame) - 1, FAULT] = "row-truncated"
    return RawTable(frame, len(header.fields), content.notices + match.notices)


@dataclass(frozen=True)
class _Row:
    line: int
    fields: Sequence[str]
    fault: str = ""


@dataclass
class _Lines:
    """The physical lines of a text, checked for their encoding; too long ones are shortened."""

    content: Content
    form: TextFormat
    name: str
    max_length: int
    number: int = 0
    first: str = ""
    is_cut: bool = False
    too_long: set[int] = field(default_factory=set)

    def __iter__(self) -> Iterator[str]:
        text = self._open()
        while line := self._next(text):
            self.number += 1
            if not line.isascii():
                self._check_encoding(line)
            self.is_cut = line[-1] not in "\r\n"
            if len(line) >= self.max_length:
                line = self._shorten(text, line)
            self.first = self.first or line.strip("\r\n")
            yield line

    def _open(self) -> io.TextIOWrapper:
        encoding = "utf-8-sig" if self.form.encoding == "utf-8" else self.form.encoding
        found = _BOMS.get(self.content.head[:2])
        if found and found != self.form.encoding:
            raise self._refuse("the file starts with a UTF-16 byte order mark", 1, found)
        errors = "strict" if encoding == "utf-16" else "surrogateescape"
        return io.TextIOWrapper(self.content.stream, encoding=encoding, errors=errors, newline="")

    def _next(self, text: io.TextIOWrapper) -> str:
        try:
            return text.readline(self.max_length)
        except UnicodeError as error:
            raise self._refuse(f"not {self.form.encoding}: {error}", self.number + 1) from error

    def _check_encoding(self, line: str) -> None:
        try:
            line.encode()
        except UnicodeEncodeError as error:
            byte = ord(line[error.start]) & 0xFF
            what = f"byte 0x{byte:02x} at character {error.start + 1} is not {self.form.encoding}"
            raise self._refuse(what, self.number, "latin-1") from error

    def _shorten(self, text: io.TextIOWrapper, line: str) -> str:
        rest = line
        while rest and rest[-1] not in "\r\n":
            rest = self._next(text)
        self.is_cut = not rest
        self.too_long.add(self.number)
        return line[:KEPT_CHARACTERS].replace('"', "") + "\n"

    def _refuse(self, what: str, line: int, encoding: str = "") -> BadEncoding:
        hint = f"if the file is {encoding}, set `encoding: {encoding}`" if encoding else ""
        return BadEncoding(
            what, where=[f"{self.name}, line {line}"], hint=hint or "write the file as UTF-8"
        )


def _rows(lines: _Lines, form: TextFormat, name: str, max_field_length: int) -> Iterator[_Row]:
    csv.field_size_limit(max_field_length)
    reader = csv.reader(
        iter(lines),
        delimiter=form.delimiter,
        quoting=csv.QUOTE_MINIMAL if form.quoted else csv.QUOTE_NONE,
        strict=True,
    )
    start = 1
    while True:
        try:
            fields = next(reader, None)
        except csv.Error as error:
            if reader.line_num == start and _STRAY_QUOTE in str(error):
                yield _Row(start, [""], "quote-malformed")
                start = reader.line_num + 1
                continue
            raise QuoteUnclosed(
                "a quoted field is opened and never closed",
                where=[f"{name}, line {start}"],
                hint="close the quote; if quotes mean nothing there, set `quoted: false`",
            ) from error
        if fields is None:
            return
        if fields:
            too_long = lines.too_long and lines.too_long & set(range(start, reader.line_num + 1))
            yield _Row(start, fields, "field-too-long" if too_long else "")
        start = reader.line_num + 1


def _chunks(
    rows: Iterator[_Row], header: Sequence[str], positions: Mapping[str, int]
) -> Iterator[pa.Table]:
    chunk: list[_Row] = []
    for row in rows:
        chunk.append(row)
        if len(chunk) == ROWS_PER_CHUNK:
            yield _table(chunk, header, positions)
            chunk = []
    if chunk:
        yield _table(chunk, header, positions)


def _table(chunk: list[_Row], header: Sequence[str], positions: Mapping[str, int]) -> pa.Table:
    columns = {
        name: pa.array([r.fields[p] if p < len(r.fields) else "" for r in chunk], pa.string())
        for name, p in positions.items()
    }
    columns[LINE] = pa.array([row.line for row in chunk], pa.int64())
    columns[FIELDS] = pa.array([len(row.fields) for row in chunk], pa.int32())
    columns[FAULT] = pa.array([_fault(row, header) for row in chunk], pa.string())
    return pa.table(columns)


def _fault(row: _Row, header: Sequence[str]) -> str:
    if row.fault:
        return row.fault
    if len(row.fields) != len(header):
        return "field-count"
    return "header-row" if row.fields == header else ""
