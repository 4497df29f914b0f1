"""Refused rows of a partition, each with its source line and the reasons; private to the home."""

import json
import shutil
from pathlib import Path

import pandas as pd

from pipelines import storage
from pipelines.home import PRIVATE, Home
from pipelines.validate.decision import Sorted

ROWS = "rows.jsonl"
_READER = {"source_line", "fault"}


def entries(table: str, text: pd.DataFrame, rows: Sorted) -> list[dict[str, object]]:
    """One entry per refused row, in the source's order.

    Args:
        table: The table's name.
        text: Its landed rows.
        rows: Where they go.
    """
    columns = [column for column in text.columns if column not in _READER]
    return [
        {
            "table": table,
            "source_line": int(text["source_line"].iloc[position]),
            "reasons": reasons,
            "row": {column: str(text[column].iloc[position]) for column in columns},
        }
        for position, reasons in sorted(rows.refused.items())
    ]


def write(home: Home, key: str, refused: list[dict[str, object]]) -> Path:
    """Replaces a partition's quarantine: `rows.jsonl`, one refused row per line.

    With nothing to refuse there is no folder.
    """
    folder = home.quarantine / f"dt={key}"
    if not refused:
        shutil.rmtree(folder, ignore_errors=True)
        return folder
    staging = storage.staging_folder(folder)
    staging.chmod(PRIVATE)
    lines = "".join(json.dumps(entry, ensure_ascii=False) + "\n" for entry in refused)
    storage.write_atomic(staging / ROWS, lines.encode(), mode=0o600)
    storage.replace_folder(staging, folder)
    return folder
