"""Accepted data of the state's newest commit, for the online store; every object checked."""

import sqlite3
from datetime import datetime

import pandas as pd

from pipelines import online, storage
from pipelines.contracts.data import PartitionReport, TableName
from pipelines.errors import StateDamaged
from pipelines.home import Home
from pipelines.params import Params
from pipelines.state import clock, partitions, settings
from pipelines.state.objects import Objects, output_of_add
from pipelines.state.repository import MAIN, Repository

PART = "/part-0.parquet"


def is_current(home: Home) -> bool:
    """Whether the online store can be read and holds the newest accepted data.

    Raises:
        StateDamaged: The state has no accepted data.
    """
    newest = _newest(home)[1]
    try:
        return online.data_version(home.online) == newest.tag
    except sqlite3.Error:
        return False


def refresh(home: Home, params: Params) -> str:
    """Builds the online store anew.

    Returns:
        The data version that it holds.

    Raises:
        StateDamaged: The state has no accepted data.
        CacheCorrupt: A stored object is missing or damaged everywhere.
    """
    commit, newest, last = _newest(home)
    descriptor = settings.descriptor(home)
    meta = {
        "data_version": str(newest.tag),
        "clock_mode": descriptor.clock,
        "newest_end": str(_micros(last.period_end)),
        "accepted_at": str(_micros(clock.first_accepted(home, last))),
        "built_at": storage.rfc3339(storage.now_utc()),
    }
    kinds = online.Kinds(descriptor.profile_fields, descriptor.item_features)
    tables = _tables(home, commit)
    online.build(home.online, tables, kinds, meta, params.history.max_events)
    return str(newest.tag)


def _newest(home: Home) -> tuple[str, PartitionReport, PartitionReport]:
    """The newest commit, the partition accepted last, and the one that ends last."""
    state = Repository(home.state_repo)
    commit = state.git("rev-parse", MAIN).strip()
    reports = list(partitions.at(state, commit).values())
    newest = partitions.newest(reports)
    if newest is None or newest.tag is None:
        raise StateDamaged("the state holds no accepted data", where=[str(home.state_repo)])
    return commit, newest, max(reports, key=lambda report: report.period_end)


def _tables(home: Home, commit: str) -> online.AcceptedTables:
    interactions = _frames(home, commit, "interactions")
    return online.AcceptedTables(
        interactions=pd.concat(interactions, ignore_index=True),
        users=_frames(home, commit, "users"),
        items=_frames(home, commit, "items")[-1],
    )


def _frames(home: Home, commit: str, table: TableName) -> list[pd.DataFrame]:
    """The accepted partitions of a table, by KEY, from the cache."""
    pointer = Repository(home.state_repo).show(commit, f"data/{table}.dvc")
    if pointer is None:
        return []
    objects = Objects(home)
    files = objects.require_all(output_of_add(pointer), f"data/{table}")
    parts = sorted(name for name in files if name.endswith(PART))
    return [storage.read_table(objects.path(files[name])) for name in parts]


def _micros(moment: str) -> int:
    return storage.micros(datetime.fromisoformat(moment))
