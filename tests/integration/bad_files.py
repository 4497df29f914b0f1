"""Files as they come from outside: 48 kinds, several cases of each, and what must become of them.

Each case is a file in the place of the sixth week of tests/integration/tiny_weeks.py. bad_bytes.py
and bad_rows.py have the cases, test_files_from_outside.py runs them.
"""

import io
import tarfile
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

import pyarrow as pa
import pyarrow.parquet as pq

from tests.integration.tiny_weeks import KEYS, changed, text, week

LAST = KEYS[5]
ROWS = week(5)
CLEAN = text(ROWS)
WHEN = ROWS[60][3]
"""A moment in the sixth week."""
LIMIT = 1_000_000
"""Bytes that a source may have where a case is about that."""


@dataclass(frozen=True)
class Case:
    """A file, and what must become of it."""

    row: int
    """Of the table of 48."""
    name: str
    content: bytes
    decision: str
    """same (lands as the clean file does), accept, quarantine, refuse, usage, nothing (to do)."""
    slug: str = ""
    """Of the refusal, or of the notice."""
    counts: Mapping[str, int] = field(default_factory=dict)
    """Rows by the slug that sent them to quarantine."""
    lines: Sequence[int] = ()
    """Source lines in quarantine, where the case is about them."""
    n_new: int = 0
    """Accepted rows that the clean file does not have."""
    n_dropped: int = 0
    file: str = "week.tsv"
    key: str = LAST
    descriptor: Mapping[str, str] = field(default_factory=dict)
    """Text of the descriptor, and what stands there instead."""
    params: Sequence[str] = ()
    users: Sequence[str] = ()
    """Ids that the users table has besides."""
    items: Sequence[str] = ()
    source: Mapping[str, Callable[[bytes], bytes]] = field(default_factory=dict)
    """What is done to another file of the source."""


def plus(*rows: Sequence[str]) -> bytes:
    """The clean file and some rows."""
    return text([*ROWS, *map(list, rows)])


def cells(column: int, *values: str) -> bytes:
    """The clean file with other values in the first rows of a column."""
    rows = [list(row) for row in ROWS]
    for row, value in zip(rows, values, strict=False):
        row[column] = value
    return text(rows)


def every(column: int, change: Callable[[str], str]) -> bytes:
    """The clean file with a whole column changed."""
    return text(changed(ROWS, column, change))


def ids(row: int, name: str, *users: str, notice: str = "") -> Case:
    """User ids that are taken as they are."""
    rows = [[user, "i00", "3", WHEN] for user in users]
    return Case(row, name, plus(*rows), "accept", notice, n_new=len(users), users=users)


def parquet(**columns: object) -> bytes:
    """The clean rows as Parquet, some columns replaced."""
    names = ("user", "item", "stars", "when")
    plain = {name: [row[i] for row in ROWS] for i, name in enumerate(names)}
    typed = plain | {"stars": [float(v) for v in plain["stars"]]}
    sink = io.BytesIO()
    table = pa.table(typed | {"when": [int(v) for v in plain["when"]]} | columns)
    pq.write_table(table, sink, use_deprecated_int96_timestamps=True)
    return sink.getvalue()


def at(row: Sequence[str]) -> datetime:
    """The moment of a row."""
    return datetime.fromtimestamp(int(row[3]), tz=UTC)


def stamped(pattern: str) -> bytes:
    """The clean file with times as text."""
    return text([[*row[:3], at(row).strftime(pattern)] for row in ROWS])


def zipped() -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w") as archive:
        archive.writestr("../../x", CLEAN)
    return sink.getvalue()


def tarred() -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode="w") as archive:
        member = tarfile.TarInfo("../../x")
        member.size = len(CLEAN)
        archive.addfile(member, io.BytesIO(CLEAN))
    return sink.getvalue()


def zstd(content: bytes) -> bytes:
    return bytes(pa.compress(content, codec="zstd", asbytes=True))


def flipped(content: bytes, position: int) -> bytes:
    changed_ = bytearray(content)
    changed_[position] ^= 1
    return bytes(changed_)


TAB = 'interactions.tsv\n  format: {delimiter: "\\t", quoted: false}'
UNIT = "timestamp_unit: seconds"


def written(form: str) -> dict[str, str]:
    """A descriptor whose interactions are written so."""
    return {TAB: f"interactions.tsv\n  format: {form}"}


QUOTED = written('{delimiter: "\\t"}')
ISO = {UNIT: "timestamp_unit: iso8601"}
