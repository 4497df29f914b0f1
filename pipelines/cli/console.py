"""What a verb prints: one JSON object on stdout, or text for people on stderr."""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

from pipelines.errors import TandemError

if TYPE_CHECKING:
    from pydantic import BaseModel
    from rich.table import Table

Answer = TypeVar("Answer", bound="BaseModel")
FILE_WIDTH = 160  # columns of a table that goes to a file
TICKS = {True: "yes", False: "no", None: "-"}


def show(record: Answer, as_json: bool, enforce: Callable[[Answer], object] | None = None) -> None:
    """Prints a verb's record: JSON on stdout, or tables on stderr.

    Args:
        record: The answer.
        as_json: Whether a program reads it.
        enforce: Raises where the answer is a bad one. People see the answer and then the error;
            in JSON both are one object.
    """
    try:
        if enforce is not None:
            enforce(record)
    except TandemError as error:
        error.answer = record.model_dump(mode="json", by_alias=True)
        if not as_json:
            _show_tables(error.answer)
        raise
    if as_json:
        print(record.model_dump_json(by_alias=True))
    else:
        _show_tables(record.model_dump(mode="json", by_alias=True))


def _show_tables(content: Mapping[str, Any]) -> None:
    """The fields, one a line, and below them each list of flat records as a table of its own."""
    from rich.table import Table

    from pipelines.progress import stderr

    fields = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in _rows(content):
        fields.add_row(name, value)
    stderr.print(fields)
    for name, records in content.items():
        if _is_flat(records):
            stderr.print(_table(name, records), width=None if stderr.is_terminal else FILE_WIDTH)


def _table(name: str, records: Sequence[Mapping[str, Any]]) -> "Table":
    """Records as rows; a column that says nothing in any of them is left out."""
    from rich.table import Table
    from rich.text import Text

    columns = [key for key in records[0] if any(record.get(key) for record in records)]
    table = Table(title=name, title_justify="left", box=None, padding=(0, 2, 0, 0))
    for column in columns:
        table.add_column(column, overflow="fold")
    for record in records:
        table.add_row(*(Text(_text(record.get(column))) for column in columns))
    return table


def _is_flat(value: object) -> bool:
    """Whether a value is a list of records that hold no further records or lists."""
    return (
        isinstance(value, list)
        and bool(value)
        and all(isinstance(entry, Mapping) for entry in value)
        and not any(isinstance(cell, list | Mapping) for entry in value for cell in entry.values())
    )


def _rows(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            rows += _rows(value, f"{prefix}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            rows += [] if _is_flat(value) and not prefix else [(f"{prefix}{key}", _count(value))]
        else:
            rows.append((f"{prefix}{key}", _text(value)))
    return rows


def _count(value: Sequence[object]) -> str:
    return "1 entry" if len(value) == 1 else f"{len(value)} entries"


def _text(value: object) -> str:
    if value is None or isinstance(value, bool):
        return TICKS[value]
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return str(value)
