"""What serving knows of users and items: online.sqlite, read only, by pseudonym.

The platform builds the file beside and renames it into place, so a new inode means new content;
the reader looks before each use and reopens. One thread uses one store: SQLite connections are
not shared.
"""

import json
import logging
import os
import sqlite3
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

logger = logging.getLogger(__name__)

CHUNK = 500  # host parameters in one statement; SQLite's limit is higher on every build we met
WALL = "wall"


class StoreUnavailable(Exception):
    """The online store cannot be opened or read."""


@dataclass(frozen=True)
class Clock:
    """What time it is: the wall's, or that of a data set that is replayed."""

    mode: str
    newest_end: int
    """End of the newest accepted partition, microseconds since 1970."""
    accepted_at: int
    """When it was accepted, microseconds since 1970."""

    def now(self, wall: int | None = None) -> int:
        """Microseconds since 1970: under replay, the newest end plus the time since acceptance."""
        wall = time.time_ns() // 1_000 if wall is None else wall
        return wall if self.mode == WALL else self.newest_end + wall - self.accepted_at


@dataclass(frozen=True)
class Event:
    """One stored interaction of a user."""

    item_id: str
    event: str
    value: float | None
    timestamp: int


@dataclass(frozen=True)
class User:
    """What is known of a user; `is_known` is False for a stranger."""

    is_known: bool = False
    history: Sequence[Event] = ()
    """Oldest first, the newest `limit` ones before the moment asked for."""
    profile: dict[str, str] = field(default_factory=dict)
    seen: frozenset[str] = frozenset()


class OnlineStore:
    """A reader of online.sqlite that follows the file when it is replaced."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._identity: tuple[int, int] | None = None
        self._connection: sqlite3.Connection | None = None
        self._is_sound = True
        self.clock = Clock(WALL, 0, 0)

    @property
    def is_open(self) -> bool:
        """Whether a store was opened."""
        return self._connection is not None

    def refresh(self) -> None:
        """Opens the file, or its successor; a successor that cannot be read leaves the old one.

        Raises:
            StoreUnavailable: No store is open and this one cannot be.
        """
        try:
            status = os.stat(self._path)  # noqa: PTH116 (per request: half the time of Path.stat)
            identity = (status.st_dev, status.st_ino)
            if identity != self._identity:
                self._open()
                self._identity = identity
        except (OSError, sqlite3.Error, KeyError, ValueError) as error:
            if self._connection is None:
                raise StoreUnavailable(f"the online store cannot be read: {error}") from error
            if self._is_sound:
                logger.warning("kept the old online store: the new one cannot be read: %s", error)
            self._is_sound = False
        else:
            self._is_sound = True

    def _open(self) -> None:
        uri = f"{self._path.absolute().as_uri()}?mode=ro"
        connection = sqlite3.connect(uri, uri=True)
        try:
            meta = dict(connection.execute("SELECT key, value FROM meta"))
            clock = Clock(meta["clock_mode"], int(meta["newest_end"]), int(meta["accepted_at"]))
        except BaseException:
            connection.close()
            raise
        self.close()
        self._connection, self.clock = connection, clock

    def close(self) -> None:
        """Lets go of the file."""
        if self._connection is not None:
            self._connection.close()
        self._connection, self._identity = None, None

    def user(self, pseudonym: str, before: int, limit: int) -> User:
        """A user's state.

        Args:
            pseudonym: The stored form of the user id.
            before: Only history strictly earlier, microseconds since 1970.
            limit: At most so many events, the newest.
        """
        rows = self._rows("SELECT profile FROM users WHERE user_id = ?", [pseudonym])
        history = self._rows(
            "SELECT item_id, event, value, timestamp FROM events"
            " WHERE user_id = ? AND timestamp < ? ORDER BY timestamp DESC, seq DESC LIMIT ?",
            [pseudonym, before, limit],
        )
        seen = self._rows("SELECT item_id FROM seen WHERE user_id = ?", [pseudonym])
        return User(
            is_known=bool(rows or history or seen),
            history=[Event(*row) for row in reversed(history)],
            profile=json.loads(rows[0][0]) if rows else {},
            seen=frozenset(row[0] for row in seen),
        )

    def item_fields(self, item_ids: Sequence[str]) -> dict[str, dict[str, Any]]:
        """The stored fields of the known ones of these items, by item id."""
        found: dict[str, dict[str, Any]] = {}
        for start in range(0, len(item_ids), CHUNK):
            part = list(item_ids[start : start + CHUNK])
            marks = ",".join("?" * len(part))
            query = f"SELECT item_id, fields FROM items WHERE item_id IN ({marks})"  # noqa: S608 (marks only)
            found.update((row[0], json.loads(row[1])) for row in self._rows(query, part))
        return found

    def _rows(self, query: str, parameters: Sequence[object]) -> list[tuple[Any, ...]]:
        if self._connection is None:
            raise StoreUnavailable("the online store is not open")
        try:
            return self._connection.execute(query, parameters).fetchall()
        except sqlite3.Error as error:
            raise StoreUnavailable(f"the online store cannot be read: {error}") from error
