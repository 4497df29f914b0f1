"""Which interactions belong together in a report: by history, by item, by who the user is."""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from pipelines.models.examples import Ints, PreparedData

Bools = npt.NDArray[np.bool_]

HISTORY_LENGTHS = ((0, 0), (1, 4), (5, 19), (20, None))
ITEM_SLICE = "item:"


def slices(data: PreparedData, rows: Ints) -> dict[str, Bools]:
    """By name, which of the interactions `rows` are in it; empty slices are left out.

    Args:
        data: Prepared tables.
        rows: Rows of a window.
    """
    named = dict([*_by_history(data, rows), *_by_popularity(data, rows), *_by_profile(data, rows)])
    return {name: inside for name, inside in named.items() if inside.any()}


def fit_counts(data: PreparedData) -> Ints:
    """[items]: interactions of the window that judged models learn from."""
    known = data.item_rows[data.window("train")]
    return np.bincount(known[known >= 0], minlength=len(data.items)).astype(np.int64)


def _by_history(data: PreparedData, rows: Ints) -> Iterator[tuple[str, Bools]]:
    lengths = data.page_start[rows] - data.user_start[rows]
    for low, high in HISTORY_LENGTHS:
        if high is None:
            yield f"history:{low}+", lengths >= low
        else:
            name = str(low) if low == high else f"{low}-{high}"
            yield f"history:{name}", (lengths >= low) & (lengths <= high)


def _by_popularity(data: PreparedData, rows: Ints) -> Iterator[tuple[str, Bools]]:
    """Cold items, and thirds of the fit window's interactions from the head to the tail."""
    counts = fit_counts(data)
    items = data.item_rows[rows]
    seen = np.where(items >= 0, counts[items], 0)
    order = np.argsort(-counts, kind="stable")
    shares = np.empty(len(counts))
    shares[order] = (np.cumsum(counts[order]) - counts[order]) / max(1, counts.sum())
    place = np.where(seen > 0, shares[items], 1.0)
    yield f"{ITEM_SLICE}cold", seen == 0
    yield f"{ITEM_SLICE}head", (seen > 0) & (place < 1 / 3)
    yield f"{ITEM_SLICE}middle", (seen > 0) & (place >= 1 / 3) & (place < 2 / 3)
    yield f"{ITEM_SLICE}tail", (seen > 0) & (place >= 2 / 3)


def _by_profile(data: PreparedData, rows: Ints) -> Iterator[tuple[str, Bools]]:
    for column, (name, kind) in enumerate(data.prepared.profile_fields.items()):
        if kind != "category":
            continue
        values = data.profile[rows, column]
        for value in sorted({str(value) for value in values} - {""}):
            yield f"{name}:{value}", values == value
