"""Models that learnt what they should not have: our own training code on data that were spoilt."""

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.bad_models.contract import MANIFEST, seal
from pipelines.models import artifact
from pipelines.models.examples import PreparedData
from pipelines.models.family import fit
from pipelines.params import Params

FAMILY = "cf"
"""The family that is fitted: its fit takes seconds on any data."""
STALE_SHARE = 0.1
"""Of the catalogue, what an older snapshot lacks."""


def fitted(folder: Path, data: PreparedData, params: Params, until: int, **lies: Any) -> None:
    """Fits on what happened before `until` and writes an artifact that says what it is told to."""
    model = fit(FAMILY, data, params, until=until, epochs=None, calibration=None)
    artifact.write(folder, model, data, params, data.last_instant(until))
    relabel(folder, lies)


def relabel(folder: Path, lies: Mapping[str, Any]) -> None:
    """Changes what a manifest claims; the digests stay true."""
    manifest = json.loads((folder / MANIFEST).read_text())
    seal(folder, {**manifest, **lies})


def permuted_items(data: PreparedData) -> PreparedData:
    """Before the test window, every item stands under another one's name."""
    names = np.random.default_rng(1).permutation(len(data.items))
    return _with_items(data, lambda rows: np.where(rows >= 0, names[rows], -1))


def shuffled_items(data: PreparedData) -> PreparedData:
    """Before the test window, each interaction has the item of any other one.

    The items' shares stay as they are, so that popularity can still be learnt.
    """
    return _with_items(data, np.random.default_rng(2).permutation)


def _with_items(data: PreparedData, chosen: Any) -> PreparedData:
    before = (data.interactions["window"] != "test").to_numpy()
    rows = data.item_rows.copy()
    rows[before] = chosen(rows[before])
    ids = np.append(np.array(data.item_ids, dtype=object), "")
    table = data.interactions.assign(item=rows.astype(np.int32), item_id=ids[rows])
    return replace(data, interactions=table)


def older_snapshot(data: PreparedData) -> PreparedData:
    """The catalogue as it was before its newest items came."""
    counts = np.bincount(data.item_rows[data.item_rows >= 0], minlength=len(data.items))
    rarest = np.argsort(counts, kind="stable")[: max(1, int(len(counts) * STALE_SHARE))]
    is_kept = ~np.isin(np.arange(len(counts)), rarest)
    row = np.append(np.where(is_kept, np.cumsum(is_kept) - 1, -1), -1)  # -1 stays -1
    table = data.interactions.assign(item=row[data.item_rows].astype(np.int32))
    return replace(data, interactions=table, items=data.items[is_kept].reset_index(drop=True))


def daily_counts(data: PreparedData) -> tuple[np.ndarray[Any, np.dtype[np.float32]], int]:
    """[days, items] how often each item was chosen on each day of the data, and the first day."""
    days = data.timestamps // 86_400_000_000
    first, known = int(days.min()), data.item_rows >= 0
    counts = np.zeros((int(days.max()) - first + 1, len(data.items)), dtype=np.float32)
    np.add.at(counts, (days[known] - first, data.item_rows[known]), 1.0)
    return counts, first


def most_chosen(data: PreparedData) -> list[int]:
    """Rows of the catalogue, those first that were chosen most before the test window."""
    rows = data.item_rows[data.rows(end=data.prepared.fit_cut)]
    counts = np.bincount(rows[rows >= 0], minlength=len(data.items))
    return [int(row) for row in np.argsort(-counts, kind="stable")]
