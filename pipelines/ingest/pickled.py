"""A pickled pandas frame, read as data (`inert`): its columns of numbers and of plain text."""

import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import pyarrow as pa

from pipelines.descriptors import Unit
from pipelines.errors import SourceCorrupt
from pipelines.ingest import columnar, inert, mapping
from pipelines.ingest.inert import Call, Unreadable
from pipelines.ingest.mapping import Wanted
from pipelines.ingest.streams import Content
from pipelines.ingest.tables import RawTable

_NUMBERS = re.compile(r"[fiu][1248]|b1")
ARRAY_STATE = 5


def read(content: Content, wanted: Wanted, name: str, unit: Unit) -> RawTable:
    """The wanted columns as text; `source_line` is the row's number, from 1.

    Raises:
        SourceCorrupt: It is no pickled frame of plain columns.
        SchemaDrift, ColumnsMissing, ColumnsDuplicate, NoRows: As their names say.
    """
    try:
        frame = inert.load(content.stream.read())
        columns = _columns(frame)
    except (Unreadable, LookupError, TypeError, ValueError, AttributeError) as error:
        raise SourceCorrupt(
            f"not a pickled frame of plain columns: {str(error)[:120]}",
            where=[name],
            hint="save it as Parquet",
        ) from error
    match = mapping.match(columns.column_names, wanted, name)
    raw = columnar.as_text(columns, columns.column_names, match, name, unit)
    return replace(raw, notices=content.notices + raw.notices)


def _columns(frame: Call) -> pa.Table:
    _expect(frame, "pandas.core.frame.DataFrame")
    manager = _expect(frame.state["_mgr"], "pandas.core.internals.managers.BlockManager")
    blocks, (header, _) = manager.arguments
    _, described = _expect(header, "pandas.core.indexes.base._new_Index").arguments
    names = [str(name) for name in _array(described["data"])]
    cells: dict[int, Any] = {}
    for block in blocks:
        cells.update(_block(block))
    arrays = [pa.array(cells[position], from_pandas=True) for position in range(len(names))]
    return pa.Table.from_arrays(arrays, names=names)


def _block(block: Call) -> Iterator[tuple[int, Any]]:
    """The position of each column of a block, and its cells."""
    values, place, _ = _expect(block, "pandas._libs.internals._unpickle_block").arguments
    if place.name == "builtins.slice":
        positions: Sequence[int] = range(*place.arguments)
    else:
        positions = [int(position) for position in _array(place)]
    return zip(positions, _array(values), strict=True)


def _array(call: Call) -> "np.ndarray[Any, Any]":
    if call.name.endswith("._frombuffer"):
        buffer, kind, shape, order = call.arguments
        return _shaped(np.frombuffer(bytes(buffer), _dtype(kind)), shape, order)
    if not call.name.endswith(".multiarray._reconstruct") or len(call.state) != ARRAY_STATE:
        raise Unreadable(f"{call.name} is no array")
    _, shape, kind, is_columns_first, cells = call.state
    order = "F" if is_columns_first else "C"
    if kind.arguments[0] != "O8":
        return _shaped(np.frombuffer(bytes(cells), _dtype(kind)), shape, order)
    cells = [None if isinstance(cell, float) and math.isnan(cell) else cell for cell in cells]
    if not all(isinstance(cell, str) or cell is None for cell in cells):
        raise Unreadable("a column of objects holds something else than text")
    array = np.empty(len(cells), dtype=object)
    array[:] = cells
    return _shaped(array, shape, order)


def _shaped(cells: "np.ndarray[Any, Any]", shape: Any, order: str) -> "np.ndarray[Any, Any]":
    return np.reshape(cells, tuple(map(int, shape)), order="F" if order == "F" else "C")


def _dtype(call: Call) -> "np.dtype[Any]":
    kind = str(_expect(call, "numpy.dtype").arguments[0])
    if not _NUMBERS.fullmatch(kind):
        raise Unreadable(f"{kind} is no kind of number")
    order = str(call.state[1]) if call.state else "="
    return np.dtype(f"{order}{kind}" if order in ("<", ">") else kind)


def _expect(call: Any, name: str) -> Call:
    if not isinstance(call, Call) or call.name != name:
        raise Unreadable(f"{getattr(call, 'name', type(call).__name__)} is not {name}")
    return call
