"""`online.sqlite`: what serving knows of users and items, built from accepted data.

A pure function of its frames: equal content gives equal rows. The file is built beside the old
one and renamed into place; it holds pseudonyms only and can be rebuilt at any time.
"""

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from pipelines import storage
from pipelines.descriptors import FeatureKind, as_text

SCHEMA = """
CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE users (user_id TEXT PRIMARY KEY, profile TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE events (
    user_id TEXT NOT NULL, seq INTEGER NOT NULL, item_id TEXT NOT NULL, event TEXT NOT NULL,
    value REAL, timestamp INTEGER NOT NULL, PRIMARY KEY (user_id, seq)
) WITHOUT ROWID;
CREATE TABLE seen (
    user_id TEXT NOT NULL, item_id TEXT NOT NULL, PRIMARY KEY (user_id, item_id)
) WITHOUT ROWID;
CREATE TABLE items (item_id TEXT PRIMARY KEY, fields TEXT NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True)
class AcceptedTables:
    """Accepted data as frames, by pseudonym."""

    interactions: pd.DataFrame
    """user_id, item_id, timestamp (UTC), event, value, event_id; all partitions."""
    users: Sequence[pd.DataFrame]
    """Snapshots, oldest first: user_id and features. A user's newest row counts."""
    items: pd.DataFrame
    """The newest snapshot: item_id and features."""


@dataclass(frozen=True)
class Kinds:
    """Kinds of the features, by name."""

    users: Mapping[str, FeatureKind]
    items: Mapping[str, FeatureKind]


def build(
    path: Path, tables: AcceptedTables, kinds: Kinds, meta: Mapping[str, str], max_events: int
) -> None:
    """Writes the online store, in place of the old one.

    Args:
        path: The file; its readers reopen it when it is another one.
        tables: Accepted data.
        kinds: Which features to keep.
        meta: data_version, clock_mode, newest_end and accepted_at (microseconds), built_at.
        max_events: Newest events kept of a user; what a user has seen is kept whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    building = path.with_name(f".{path.name}{storage.TEMPORARY}")
    with storage.translated(path):
        building.unlink(missing_ok=True)
        _fill(building, tables, kinds, meta, max_events)
        building.chmod(0o600)
        storage.sync_file(building)
        building.replace(path)
        storage.sync_folder(path.parent)


def data_version(path: Path) -> str:
    """The data version that a store holds, once it has proven whole.

    Raises:
        sqlite3.Error: It is not there, cannot be read or is damaged.
    """
    connection = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True)
    try:
        said = connection.execute("PRAGMA quick_check").fetchone()[0]
        row = connection.execute("SELECT value FROM meta WHERE key = 'data_version'").fetchone()
    finally:
        connection.close()
    if said != "ok" or row is None:
        raise sqlite3.DatabaseError(f"damaged: {said}" if row else "it names no data version")
    return str(row[0])


def event_rows(interactions: pd.DataFrame, max_events: int) -> list[tuple[Any, ...]]:
    """The newest events of each user, oldest first: user_id, seq, item_id, event, value, µs.

    Equal timestamps are in the order of their event ids; `seq` counts a user's kept events.
    """
    ordered = interactions.sort_values(["user_id", "timestamp", "event_id"], kind="stable")
    kept = ordered.groupby("user_id", sort=False).tail(max_events)
    seq = kept.groupby("user_id", sort=False).cumcount()
    instants = pd.to_datetime(kept["timestamp"], utc=True).astype("datetime64[us, UTC]")
    values = (None if np.isnan(value) else float(value) for value in kept["value"].astype(float))
    columns = (kept["user_id"], seq, kept["item_id"], kept["event"])
    plain = [column.tolist() for column in columns]
    return list(zip(*plain, values, instants.astype("int64").tolist(), strict=True))


def user_rows(
    snapshots: Iterable[pd.DataFrame], kinds: Mapping[str, FeatureKind]
) -> list[tuple[str, str]]:
    """Each user's newest profile, as JSON of texts; unknown fields are left out."""
    profiles: dict[str, str] = {}
    for users in snapshots:
        for row in users.to_dict("records"):
            texts = {name: as_text(row[name], kind) for name, kind in kinds.items()}
            profiles[row["user_id"]] = _json({name: text for name, text in texts.items() if text})
    return sorted(profiles.items())


def item_rows(items: pd.DataFrame, kinds: Mapping[str, FeatureKind]) -> list[tuple[str, str]]:
    """Each item's fields as JSON: tags as a list, numbers as numbers, the rest as text."""
    rows = [
        (row["item_id"], _json({name: _plain(row[name], kind) for name, kind in kinds.items()}))
        for row in items.to_dict("records")
    ]
    return sorted(rows)


def _fill(
    path: Path, tables: AcceptedTables, kinds: Kinds, meta: Mapping[str, str], max_events: int
) -> None:
    seen = tables.interactions[["user_id", "item_id"]].drop_duplicates()
    connection = sqlite3.connect(path)
    try:
        connection.execute("PRAGMA journal_mode = DELETE")
        connection.executescript(SCHEMA)
        _insert(connection, "meta", 2, sorted(meta.items()))
        _insert(connection, "users", 2, user_rows(tables.users, kinds.users))
        _insert(connection, "events", 6, event_rows(tables.interactions, max_events))
        _insert(connection, "seen", 2, sorted(seen.itertuples(index=False, name=None)))
        _insert(connection, "items", 2, item_rows(tables.items, kinds.items))
        connection.commit()
    finally:
        connection.close()


def _insert(
    connection: sqlite3.Connection, table: str, width: int, rows: Iterable[tuple[Any, ...]]
) -> None:
    marks = ",".join("?" * width)
    connection.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)  # noqa: S608 -- our names


def _plain(value: Any, kind: FeatureKind) -> object:
    """A JSON value; null where the feature is missing."""
    if kind == "tags":
        return [] if value is None or isinstance(value, float) else [str(tag) for tag in value]
    text = as_text(value, kind)
    if not text:
        return None
    return (int(text) if text.lstrip("-").isdigit() else float(text)) if kind == "number" else text


def _json(content: Mapping[str, object]) -> str:
    return json.dumps(content, ensure_ascii=False, sort_keys=True)
