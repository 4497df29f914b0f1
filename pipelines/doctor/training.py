"""What can be learnt from the accepted data: which models, which tasks, which decisions."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines import storage
from pipelines.contracts.data import ACCEPTED
from pipelines.contracts.doctor import Finding
from pipelines.descriptors import BinaryTask, Descriptor, RegressionTask
from pipelines.doctor.findings import fail, ok, warn
from pipelines.home import Home
from pipelines.models.tasks import labels
from pipelines.params import Params
from pipelines.state import partitions, settings
from pipelines.state.objects import Objects, output_of_add
from pipelines.state.repository import MAIN, Repository

INTERACTIONS = ACCEPTED / "interactions"
COLUMNS = ["user_id", "item_id", "timestamp", "event", "value"]
MAX_ROWS = 5_000_000
"""More are not read: that many are enough for every check, and it would take too long."""
MAX_SHARE = 0.5
"""Of all interactions, by one user or with one item; more is what every model then learns."""


@dataclass(frozen=True)
class Problems:
    """What is in the way."""

    fatal: list[str]
    """Nothing can be trained."""
    partial: list[str]
    """Something cannot be trained or decided; the rest can."""


def training(name: str, home: Home, params: Params) -> Finding:
    """Whether the accepted data are enough, and what they are not enough for."""
    accepted = partitions.at(Repository(home.state_repo), MAIN)
    n_rows = sum(report.rows for report in accepted.values())
    if not accepted:
        return ok(name, "no data accepted yet")
    if n_rows > MAX_ROWS:
        return ok(name, f"{n_rows} interactions; too many to look at each")
    problems = judge(_interactions(home), settings.descriptor(home), params)
    hint = "accept more partitions: `tandem ingest`, `tandem validate`, or the ingestion DAG"
    if problems.fatal:
        return fail(name, f"nothing can be trained: {'; '.join(problems.fatal)}", hint)
    if problems.partial:
        return warn(name, f"{n_rows} interactions: {'; '.join(problems.partial)}", hint)
    return ok(name, f"{n_rows} interactions, enough for every family, task and the gate")


def judge(rows: pd.DataFrame, descriptor: Descriptor, params: Params) -> Problems:
    """What the interactions are not enough for.

    Args:
        rows: user_id, item_id, timestamp, event, value; at least one row.
        descriptor: Whose tasks are learnt.
        params: Where time is cut, and how much evidence the gate wants.
    """
    instants = np.sort(rows["timestamp"].to_numpy())
    shares = (params.split.validation_from, params.split.test_from)  # as prepare cuts them
    cuts = [instants[min(int(len(rows) * share), len(rows) - 1)] for share in shares]
    sizes = np.diff(np.searchsorted(instants, cuts), prepend=0, append=len(rows))
    names = ("training", "validation", "test")
    fatal = [
        f"{len(rows)} interactions leave no {window} window"
        for window, size in zip(names, sizes, strict=True)
        if size == 0
    ]
    fatal += [
        f"there is only one {what}"
        for what, column in (("user", "user_id"), ("item", "item_id"))
        if rows[column].nunique() < 2
    ]
    test = rows[rows["timestamp"] >= cuts[1]]
    return Problems(fatal, [*_crowding(rows), *_tasks(rows, descriptor), *_evidence(test, params)])


def _crowding(rows: pd.DataFrame) -> list[str]:
    found = []
    for what, column in (("user", "user_id"), ("item", "item_id")):
        share = rows[column].value_counts(normalize=True).iloc[0]
        if share > MAX_SHARE:
            found.append(f"{share:.0%} of them have one {what}, which every model will learn first")
    return found


def _tasks(rows: pd.DataFrame, descriptor: Descriptor) -> list[str]:
    """Tasks whose labels are all the same, or missing."""
    events, values = rows["event"].to_numpy(object), rows["value"].to_numpy(np.float32)
    found = []
    for task in descriptor.tasks:
        if isinstance(task, BinaryTask | RegressionTask):
            given = labels(task, events, values)
            n_values = len(np.unique(given.values[given.known]))
            if n_values < 2:
                what = "no label" if n_values == 0 else "one and the same label everywhere"
                found.append(f"task {task.name} cannot be learnt: it has {what}")
    return found


def _evidence(test: pd.DataFrame, params: Params) -> list[str]:
    n_users, wanted = test["user_id"].nunique(), params.gate
    if len(test) >= wanted.min_events and n_users >= wanted.min_users:
        return []
    return [
        f"the test window has {len(test)} events of {n_users} users, the gate wants "
        f"{wanted.min_events} of {wanted.min_users}: a recipe run will hold"
    ]


def _interactions(home: Home) -> pd.DataFrame:
    """All accepted interactions, from the remote."""
    state, store = Repository(home.state_repo), Objects(home)
    pointer = state.show(MAIN, f"{INTERACTIONS}.dvc") or b""
    listing = storage.read_json(store.stored(output_of_add(pointer)))
    files = [entry["md5"] for entry in listing if Path(entry["relpath"]).suffix == ".parquet"]
    parts: list[pd.DataFrame] = [storage.read_table(store.stored(md5), COLUMNS) for md5 in files]
    return pd.concat(parts)
