"""JSON Lines, read as text: one object a line, numbers as they are written."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipelines.descriptors import TextFormat
from pipelines.errors import NoRows, NotTabular, shorten
from pipelines.ingest import mapping
from pipelines.ingest.lines import Lines
from pipelines.ingest.mapping import Wanted
from pipelines.ingest.streams import SHOWN_CHARACTERS, Content
from pipelines.ingest.tables import FAULT, LINE, RawTable


def read(
    content: Content, form: TextFormat, wanted: Wanted, name: str, max_line_length: int
) -> RawTable:
    """The wanted columns as text, with the source line and the fault of each row.

    A key that a line lacks is an empty field there; a column that all lines lack is missing.

    Raises:
        NotTabular: No line is an object.
        BadEncoding, ColumnsMissing, ColumnsDuplicate, NoRows: As their names say.
    """
    lines = Lines(content, form, name, max_line_length)
    rows = list(_rows(lines))
    if not rows:
        raise NoRows("the file has no line with an object", where=[name])
    columns = list(dict.fromkeys(column for row in rows for column in row.fields))
    if not columns:
        raise NotTabular(
            f"no line is a JSON object: {shorten(lines.first, SHOWN_CHARACTERS)!r}",
            where=[name],
            hint="write one object a line",
        )
    match = mapping.match(columns, wanted, name)
    frame = pd.DataFrame(
        {
            canonical: [row.fields.get(columns[position], "") for row in rows]
            for canonical, position in match.positions.items()
        },
        dtype="str",
    )
    frame[LINE] = pd.array([row.line for row in rows], "int64")
    kept = {columns[position] for position in match.positions.values()}
    frame[FAULT] = pd.array([_fault(row, kept) for row in rows], "str")
    return RawTable(frame, content.notices + match.notices)


@dataclass(frozen=True)
class _Row:
    line: int
    fields: Mapping[str, str]
    fault: str = ""
    nested: frozenset[str] = frozenset()


def _rows(lines: Lines) -> Iterator[_Row]:
    for line in lines:
        if not line.strip():
            continue
        if lines.number in lines.too_long:
            yield _Row(lines.number, {}, "field-too-long")
            continue
        found = _object(line)
        if found is None:
            fault = "row-truncated" if lines.is_open else "line-malformed"
            yield _Row(lines.number, {}, fault)
        else:
            nested = frozenset(key for key, value in found.items() if not isinstance(value, str))
            fields = {key: value if key not in nested else "" for key, value in found.items()}
            yield _Row(lines.number, fields, nested=nested)


def _object(line: str) -> dict[str, Any] | None:
    """The object in a line; None if it is none, or repeats a key, or holds half a character."""
    try:
        found = json.loads(
            line,
            parse_int=str,
            parse_float=str,
            parse_constant=str,
            object_pairs_hook=_distinct,
        )
        json.dumps(found, ensure_ascii=False).encode()
    except (ValueError, RecursionError):  # a lone surrogate is a UnicodeEncodeError, a ValueError
        return None
    return found if isinstance(found, dict) else None


def _distinct(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = {key: _text(value) for key, value in pairs}
    if len(found) < len(pairs):
        raise ValueError("a key comes twice")
    return found


def _text(value: Any) -> Any:
    if value is None:
        return ""
    return str(value).lower() if isinstance(value, bool) else value


def _fault(row: _Row, kept: set[str]) -> str:
    return row.fault or ("line-malformed" if row.nested & kept else "")
