"""Features of items and profiles as numbers, by their kind in the descriptor; none by its name."""

from collections import Counter

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.models.examples import PreparedData
from pipelines.models.statistics import Doubles, decayed_counts, head_means, standardised

BUCKETS = 16
"""At most that many value ranges for a number."""
MIN_CARRIERS = 3
"""A value that fewer items carry is left out: it would name them."""
RECENT_HALF_LIFE_DAYS = 14.0


def bucket_edges(values: Doubles) -> Doubles:
    """Edges between value ranges with about equally many values; few distinct values: one each."""
    known = values[np.isfinite(values)]
    distinct = np.unique(known)
    if len(distinct) <= BUCKETS:
        return (distinct[1:] + distinct[:-1]) / 2
    return np.unique(np.quantile(known, np.arange(1, BUCKETS) / BUCKETS))


def item_content(items: pd.DataFrame, kinds: dict[str, str]) -> npt.NDArray[np.float32]:
    """[items, features]: what is known of an item before anybody chose it.

    Categories and number ranges are indicators; tags share a weight of 1; texts are left out.
    """
    blocks = [np.zeros((len(items), 0), dtype=np.float32)]
    for name, kind in kinds.items():
        column = items[name]
        if kind in {"number", "timestamp"}:
            blocks.append(_ranges(column))
        elif kind == "category":
            blocks.append(_shares([[value] if isinstance(value, str) else [] for value in column]))
        elif kind == "tags":
            blocks.append(_shares([[] if tags is None else list(tags) for tags in column]))
    return np.concatenate(blocks, axis=1)


def item_numbers(data: PreparedData, until: int) -> npt.NDArray[np.float32]:
    """[items, numbers], standardised: log popularity, recent and of all time, and mean labels."""
    columns = []
    for task in data.prepared.tasks:
        if task.kind == "retrieval":
            columns.append(np.log1p(decayed_counts(data, task, until, np.inf)))
            columns.append(np.log1p(decayed_counts(data, task, until, RECENT_HALF_LIFE_DAYS)))
    columns.extend(head_means(data, until).means.T)
    return standardised(np.stack(columns, axis=1)).astype(np.float32)


def _ranges(column: pd.Series) -> npt.NDArray[np.float32]:
    values = column.to_numpy(np.float64, na_value=np.nan)
    edges = bucket_edges(values)
    places = np.where(np.isfinite(values), np.searchsorted(edges, values), len(edges) + 1)
    return np.eye(len(edges) + 2, dtype=np.float32)[places]


def _shares(rows: list[list[str]]) -> npt.NDArray[np.float32]:
    counts = Counter(value for values in rows for value in values if value)
    vocabulary = sorted(value for value, count in counts.items() if count >= MIN_CARRIERS)
    places = {value: place for place, value in enumerate(vocabulary)}
    block = np.zeros((len(rows), len(vocabulary)), dtype=np.float32)
    for row, values in enumerate(rows):
        known = [places[value] for value in values if value in places]
        block[row, known] = 1.0 / max(1, len(values))
    return block
