"""A source table as text, and which reader makes it."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from pipelines.contracts.data import Notice
from pipelines.descriptors import Entities, Interactions, Table, TextFormat, Unit
from pipelines.ingest import mapping
from pipelines.ingest.mapping import Wanted
from pipelines.ingest.streams import Content, open_content, without_suffix
from pipelines.params import IngestParams

if TYPE_CHECKING:
    import pandas as pd

LINE = "source_line"
FAULT = "fault"
"""What the reader found wrong with the row's line: a slug, or empty."""
IDS = ("user_id", "item_id", "event_id")
"""Columns in which a float would damage what stands there."""
_BY_SUFFIX = {".csv": ",", ".tsv": "\t"}


@dataclass(frozen=True)
class RawTable:
    """The wanted columns of a source table, all text, plus source_line and fault."""

    frame: "pd.DataFrame"
    notices: list[Notice]


def read_table(
    stream: IO[bytes], name: str, table: Table, wanted: Wanted, limits: IngestParams
) -> RawTable:
    """Reads one source table: delimited text, JSON Lines, Parquet or a pickled frame.

    Args:
        stream: Its bytes.
        name: The file's name, for messages.
        table: How it is written.
        wanted: Which columns to keep.
        limits: Sizes beyond which it is refused.

    Raises:
        InputRefused: It is no table of this kind; one of its subclasses says why.
    """
    form = _format(table.format, name)
    content = open_content(stream, name, limits.max_source_bytes, form.kind)
    return completed(_read(content, name, table, wanted, limits), table, wanted)


def completed(raw: RawTable, table: Table, wanted: Wanted) -> RawTable:
    """The table with its constants, without the copies that a join made."""
    constants = {c: v for c, v in wanted.constants.items() if c not in raw.frame.columns}
    frame = raw.frame.assign(**constants)
    if isinstance(table, Entities) and table.is_joined:
        content = frame.columns.difference([LINE]).to_list()
        frame = frame.drop_duplicates(content, ignore_index=True)
    return RawTable(frame, raw.notices)


def unit_of(table: Table) -> Unit:
    """The unit in which times of a time type are written."""
    return table.timestamp_unit if isinstance(table, Interactions) else "iso8601"


def _read(
    content: Content, name: str, table: Table, wanted: Wanted, limits: IngestParams
) -> RawTable:
    from pipelines.ingest import columnar, delimited, jsonlines, pickled

    form = _format(table.format, name)
    if content.is_parquet:
        return columnar.read(content, wanted, name, unit_of(table), limits.max_source_bytes)
    if form.kind == "pickle":
        return pickled.read(content, wanted, name, unit_of(table))
    if form.kind == "jsonl":
        return jsonlines.read(content, form, wanted, name, limits.max_field_length)
    first = (content.head.decode(form.encoding, "replace").lstrip("\ufeff").splitlines() or [""])[0]
    chosen = mapping.choose_format(first, _formats(form, name), wanted)
    return delimited.read(content, chosen, wanted, name, limits.max_field_length)


def _format(declared: TextFormat, name: str) -> TextFormat:
    """The declared format; JSON Lines, whatever is declared, if the file's name says so."""
    if without_suffix(name).endswith((".jsonl", ".ndjson")):
        return TextFormat(kind="jsonl", encoding=declared.encoding)
    return declared


def _formats(declared: TextFormat, name: str) -> Sequence[TextFormat]:
    """The declared format, then the one that the file's suffix stands for."""
    stem = without_suffix(name)
    delimiter = next((d for suffix, d in _BY_SUFFIX.items() if stem.endswith(suffix)), None)
    if delimiter is None or declared.header:
        return [declared]
    changes = {"delimiter": delimiter, "quoted": True}
    return [declared, declared.model_copy(update=changes)]
