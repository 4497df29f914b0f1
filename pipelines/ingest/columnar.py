"""Parquet, cast to text, so that both kinds of file go through the same strict casts later."""

import io
from collections.abc import Sequence
from dataclasses import replace

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from pipelines.contracts.data import Notice
from pipelines.descriptors import Unit
from pipelines.errors import NoRows, SchemaDrift, SourceCorrupt, SourceTooLarge
from pipelines.ingest import mapping
from pipelines.ingest.mapping import Match, Wanted
from pipelines.ingest.streams import Content
from pipelines.ingest.tables import FAULT, IDS, LINE, RawTable
from pipelines.timeline import MICROS_PER_UNIT


def read(content: Content, wanted: Wanted, name: str, unit: Unit, max_bytes: int) -> RawTable:
    """The wanted columns as text; `source_line` is the row's number, from 1.

    Args:
        content: The file.
        wanted: The canonical columns.
        name: The file's name, for messages.
        unit: The descriptor's unit, in which timestamps of a time type are written.
        max_bytes: Larger content is refused before it is decoded.

    Raises:
        SourceCorrupt: The footer or a page is broken.
        SchemaDrift: A column is nested, has no text, or an id is a float.
        ColumnsMissing, ColumnsDuplicate, NoRows, SourceTooLarge: As their names say.
    """
    try:
        file = pq.ParquetFile(io.BytesIO(content.stream.read()))
        _check_size(file, name, max_bytes)
        names = file.schema_arrow.names
        match = mapping.match(names, wanted, name)
        table = file.read(columns=[names[position] for position in match.positions.values()])
    except (pa.ArrowException, OSError) as error:
        raise SourceCorrupt(
            f"not a readable Parquet file: {str(error)[:120]}",
            where=[name],
            hint="write it again",
        ) from error
    raw = as_text(table, names, match, name, unit)
    return replace(raw, notices=content.notices + raw.notices)


def as_text(table: pa.Table, names: Sequence[str], match: Match, name: str, unit: Unit) -> RawTable:
    """A table's matched columns as text.

    Args:
        table: The columns that `match` has found, or more.
        names: The source's columns.
        match: Which of them is which canonical one.
        name: The source's name, for messages.
        unit: In which timestamps of a time type are written.

    Raises:
        SchemaDrift, NoRows: As their names say.
    """
    if not table.num_rows:
        raise NoRows("the file has columns and no row", where=[name], hint="check the export")
    table = table.select([names[position] for position in match.positions.values()])
    table = table.rename_columns(list(match.positions))
    texts = {column: _text(table, column, name, unit) for column in table.column_names}
    texts[LINE] = pa.array(range(1, table.num_rows + 1), pa.int64())
    texts[FAULT] = pa.array([""] * table.num_rows, pa.string())
    notices = [*match.notices, *_zone_notices(table)]
    return RawTable(pa.table(texts).to_pandas(), notices)


def _check_size(file: pq.ParquetFile, name: str, max_bytes: int) -> None:
    groups = (file.metadata.row_group(g) for g in range(file.metadata.num_row_groups))
    size = sum(group.total_byte_size for group in groups)
    if size > max_bytes:
        raise SourceTooLarge(
            f"{size:,} bytes when decoded, more than {max_bytes:,}",
            where=[name],
            hint="raise ingest.max_source_bytes if that size is meant",
        )


def _text(table: pa.Table, column: str, name: str, unit: Unit) -> pa.ChunkedArray:
    kind = table[column].type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if pa.types.is_nested(kind) or (column in IDS and pa.types.is_floating(kind)):
        hint = "ids are text or integers" if column in IDS else "write one plain value per cell"
        raise SchemaDrift(
            f"column {column} has the type {kind}", where=[f"{name}, column {column}"], hint=hint
        )
    try:
        values = table[column].cast(kind)
        if pa.types.is_timestamp(kind):
            values = _as_number(values, unit)
        return pc.fill_null(values.cast(pa.string()), "")
    except pa.ArrowException as error:
        raise SchemaDrift(
            f"column {column} of type {kind} cannot be written as text: {str(error)[:120]}",
            where=[f"{name}, column {column}"],
            hint="write it as text, a number or a time",
        ) from error


def _as_number(values: pa.ChunkedArray, unit: Unit) -> pa.ChunkedArray:
    zoned = values.cast(pa.timestamp(values.type.unit, "UTC"))
    moments = pc.floor_temporal(zoned, unit="microsecond").cast(pa.timestamp("us", "UTC"))
    if unit == "iso8601":
        return pc.strftime(moments, "%Y-%m-%dT%H:%M:%SZ")
    micros = moments.cast(pa.int64())
    factor = MICROS_PER_UNIT[unit]
    return micros if factor == 1.0 else pc.divide(micros.cast(pa.float64()), factor)


def _zone_notices(table: pa.Table) -> list[Notice]:
    naive = [f.name for f in table.schema if pa.types.is_timestamp(f.type) and not f.type.tz]
    text = f"times without a zone are read as UTC: {', '.join(naive)}"
    return [Notice(slug="timestamp-zone-assumed", text=text)] if naive else []
