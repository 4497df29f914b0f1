"""What a verb prints: one JSON object on stdout, or text for people on stderr."""

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pydantic import BaseModel


def show(record: "BaseModel", as_json: bool) -> None:
    """Prints a verb's record: JSON on stdout, or a table of its fields on stderr."""
    if as_json:
        print(record.model_dump_json(by_alias=True))
        return
    from rich.table import Table

    from pipelines.progress import stderr

    table = Table(show_header=False, box=None, padding=(0, 2, 0, 0))
    for name, value in _rows(record.model_dump(mode="json", by_alias=True)):
        table.add_row(name, value)
    stderr.print(table)


def show_json(content: Mapping[str, Any]) -> None:
    """Prints one JSON object on stdout."""
    print(json.dumps(content, allow_nan=False))


def _rows(content: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for key, value in content.items():
        if isinstance(value, Mapping) and value:
            rows += _rows(value, f"{prefix}{key}.")
        elif isinstance(value, list) and value and isinstance(value[0], Mapping):
            rows += [(f"{prefix}{key}", f"{len(value)} entries")]
        else:
            rows.append((f"{prefix}{key}", _text(value)))
    return rows


def _text(value: object) -> str:
    if value is None:
        return "-"
    if isinstance(value, list):
        return ", ".join(map(str, value)) or "-"
    return str(value)
