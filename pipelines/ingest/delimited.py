"""Delimited text, read as text: strict, line by line, every odd row marked and none dropped."""

import csv
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import pyarrow as pa

from pipelines.contracts.data import Notice
from pipelines.descriptors import TextFormat
from pipelines.errors import NoRows, QuoteUnclosed, SourceEmpty
from pipelines.ingest import mapping
from pipelines.ingest.lines import Lines
from pipelines.ingest.mapping import Match, Wanted
from pipelines.ingest.streams import Content
from pipelines.ingest.tables import FAULT, LINE, RawTable

ROWS_PER_CHUNK = 1 << 16
_STRAY_QUOTE = "expected after"


def read(
    content: Content, form: TextFormat, wanted: Wanted, name: str, max_field_length: int
) -> RawTable:
    """The wanted columns as text, with the source line and the fault of each row.

    A last line without an end may be cut. It is taken if it has all its fields and the last of
    them could not have been cut unseen: a time would leave the partition, and what is not kept
    does no harm.

    Raises:
        BadEncoding, DelimiterMismatch, HeaderMissing, ColumnsMissing, ColumnsDuplicate,
        QuoteUnclosed, SourceEmpty, NoRows: As their names say.
    """
    lines = Lines(content, form, name, max_field_length)
    rows = _rows(lines, form, name, max_field_length)
    header = form.header or next((row.fields for row in rows), None)
    if header is None:
        raise SourceEmpty("the file holds nothing but blanks", where=[name])
    if form.header is None:
        mapping.check_delimiter(lines.first, form, wanted, name)
    match = mapping.match(header, wanted, name)
    chunks = list(_chunks(rows, header, match.positions))
    if not chunks:
        raise NoRows("the file has a header and no row", where=[name], hint="check the export")
    frame = pa.concat_tables(chunks).to_pandas()
    raw = RawTable(frame, content.notices + match.notices)
    return _judge_last(raw, match, len(header)) if lines.is_open else raw


def _judge_last(raw: RawTable, match: Match, n_fields: int) -> RawTable:
    last = len(raw.frame) - 1
    ends_with = next((c for c, p in match.positions.items() if p == n_fields - 1), "")
    if raw.frame[FAULT].iloc[last] or ends_with not in ("", "timestamp"):
        raw.frame.loc[last, FAULT] = "row-truncated"
        return raw
    text = f"line {raw.frame[LINE].iloc[last]} has no end; it has all its fields and is taken"
    return replace(raw, notices=[*raw.notices, Notice(slug="last-line-open", text=text)])


@dataclass(frozen=True)
class _Row:
    line: int
    fields: Sequence[str]
    fault: str = ""


def _rows(lines: Lines, form: TextFormat, name: str, max_field_length: int) -> Iterator[_Row]:
    if len(form.delimiter) == 1:
        rows = _parsed(lines, form, name, max_field_length)
    else:
        rows = _split(lines, form.delimiter)
    for row in rows:
        yield replace(row, fields=[f.strip() for f in row.fields]) if form.strip else row


def _split(lines: Lines, delimiter: str) -> Iterator[_Row]:
    """For a delimiter of several characters, which never comes with quotes."""
    for line in lines:
        if text := line.rstrip("\r\n"):
            fault = "field-too-long" if lines.number in lines.too_long else ""
            yield _Row(lines.number, text.split(delimiter), fault)


def _parsed(lines: Lines, form: TextFormat, name: str, max_field_length: int) -> Iterator[_Row]:
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
    columns[FAULT] = pa.array([_fault(row, header) for row in chunk], pa.string())
    return pa.table(columns)


def _fault(row: _Row, header: Sequence[str]) -> str:
    if row.fault:
        return row.fault
    if len(row.fields) != len(header):
        return "field-count"
    return "header-row" if list(row.fields) == list(header) else ""
