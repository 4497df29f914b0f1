"""A source table as text, and which reader makes it."""

from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

from pipelines.contracts.data import Notice
from pipelines.descriptors import Interactions, Table, TextFormat
from pipelines.ingest import mapping
from pipelines.ingest.mapping import Wanted
from pipelines.ingest.streams import open_content
from pipelines.params import IngestParams

if TYPE_CHECKING:
    import pandas as pd

LINE = "source_line"
FIELDS = "fields"
FAULT = "fault"
"""What the reader found wrong with the row's line: a slug, or empty."""


@dataclass(frozen=True)
class RawTable:
    """The wanted columns of a source table, all text, plus source_line, fields and fault."""

    frame: "pd.DataFrame"
    n_fields: int
    """Fields that each line should have."""
    notices: list[Notice]


def read_table(
    stream: IO[bytes], name: str, table: Table, wanted: Wanted, limits: IngestParams
) -> RawTable:
    """Reads one source table, Parquet or delimited text, gzip or not.

    Args:
        stream: Its bytes.
        name: The file's name, for messages.
        table: How it is written.
        wanted: Which columns to keep.
        limits: Sizes beyond which it is refused.

    Raises:
        InputRefused: It is no table of this kind; one of its subclasses says why.
    """
    from pipelines.ingest import columnar, delimited

    content = open_content(stream, name, limits.max_source_bytes)
    if content.is_parquet:
        unit = table.timestamp_unit if isinstance(table, Interactions) else "seconds"
        raw = columnar.read(content, wanted, name, unit, limits.max_source_bytes)
    else:
        first = content.head.splitlines()[0].decode(table.format.encoding, "replace")
        form = mapping.choose_format(first.lstrip("\ufeff"), formats(table.format, name), wanted)
        raw = delimited.read(content, form, wanted, name, limits.max_field_length)
    constants = {c: v for c, v in wanted.constants.items() if c not in raw.frame.columns}
    return RawTable(raw.frame.assign(**constants), raw.n_fields, raw.notices)


def formats(declared: TextFormat, name: str) -> list[TextFormat]:
    """The declared format, then the one that the file's suffix stands for."""
    stem = name.removesuffix(".gz")
    by_suffix = {".csv": ",", ".tsv": "\t"}
    delimiter = next((d for suffix, d in by_suffix.items() if stem.endswith(suffix)), None)
    if delimiter is None:
        return [declared]
    return [declared, TextFormat(delimiter=delimiter, encoding=declared.encoding, quoted=True)]
