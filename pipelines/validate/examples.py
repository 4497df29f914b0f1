"""The first rows that a check did not expect, as they may be shown: no user id in the clear.

A file may have its columns in the wrong places, so a cell is judged by what it holds and not by the
column that it stands in: an id that no snapshot of items knows, and whatever is somebody's id, is
shown as a pseudonym.
"""

from collections.abc import Sequence

import pandas as pd

from pipelines import identity
from pipelines.contracts.data import Example
from pipelines.validate.rules import Finding

MAX_ROWS = 3
MAX_CHARACTERS = 60
_PSEUDONYM_CHARACTERS = 11
_SOURCES = {
    "is_time": "timestamp",
    "value_kind": "value",
    "is_item_known": "item_id",
    "is_user_known": "user_id",
    "user_events": "user_id",
}
"""The landed column behind a measured one."""
_HIDDEN = {"fault", "event_id"}


class Examples:
    """Fills findings with examples."""

    def __init__(self, key: bytes, items: set[str], users: set[str]) -> None:
        """Keeps what may be shown.

        Args:
            key: Of the pseudonyms.
            items: Ids of the items snapshot.
            users: Every user id that is known: of the snapshot and of the partition.
        """
        self._key, self._items, self._users = key, items - users, users

    def of(self, findings: Sequence[Finding], text: pd.DataFrame) -> list[Finding]:
        """The findings of a table with examples, which replace what was observed in a cell.

        Args:
            findings: Of its suite.
            text: Its landed rows.
        """
        return [self._filled(finding, text) for finding in findings]

    def _filled(self, finding: Finding, text: pd.DataFrame) -> Finding:
        check = finding.check
        if not finding.positions or check.severity == "info":
            return finding
        measured = check.check.partition(".")[0]
        column = _SOURCES.get(measured, measured)
        rows = [
            self._example(text.iloc[position], column if column in text else "")
            for position in finding.positions[:MAX_ROWS]
        ]
        update: dict[str, object] = {"examples": rows}
        if measured in text and measured not in _HIDDEN:
            cells = dict.fromkeys(row.value for row in rows if row.value)
            update["observed"] = ", ".join(cells)
        return Finding(check.model_copy(update=update), finding.positions)

    def _example(self, row: "pd.Series[str]", column: str) -> Example:
        value = "" if column in _HIDDEN or not column else self._shown(column, str(row[column]))
        return Example(
            line=int(row["source_line"]),
            user=self._shown("user_id", str(row.get("user_id", ""))),
            item=self._shown("item_id", str(row.get("item_id", ""))),
            column=column,
            value=value,
        )

    def _shown(self, column: str, cell: str) -> str:
        is_foreign = column == "item_id" and cell not in self._items
        if cell and (column == "user_id" or is_foreign or cell in self._users):
            return identity.pseudonym(self._key, cell)[:_PSEUDONYM_CHARACTERS] + "…"
        printable = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in cell)
        cut = printable[:MAX_CHARACTERS]
        return cut if cut == printable else f"{cut}… ({len(cell):,} characters)"
