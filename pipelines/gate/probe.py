"""Questions to a model that need no labels: is it alive, does it look at who asks?

The same requests go to the judged model and to the refitted one: the last moment of the users who
were there last, and a few moments that cover empty, short and long histories.
"""

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import pandas as pd
import psutil

from pipelines.measures.protocols import masked_slates, masks
from pipelines.models.artifact import Artifact
from pipelines.models.examples import Floats, Ints, Pages, PreparedData, Texts

USERS = 200
"""At most that many users are asked about."""
FEW = 16
"""Requests whose whole catalogue is scored."""
WARM_CALLS, TIMED_CALLS, GROWTH_CALLS = 5, 30, 200
TOLERANCE = 1e-5


@dataclass(frozen=True)
class Probe:
    """What a model answered to the probes."""

    scores: Floats
    """[few, items] of the whole catalogue."""
    predictions: Floats
    """[few, items, heads]"""
    slates: Texts
    """[users, k] with nothing excluded."""
    masked: Texts
    """[users, k] with what each user has seen excluded."""
    forbidden: int
    """Excluded items in slates, also where k is the whole catalogue."""
    unstable: int
    """Requests whose answer changed on repetition, or with the rows beside them."""
    n_bytes: int
    """Of the artifact's files."""
    latency_ms: float
    growth_bytes: int


def probe(model: Artifact, data: PreparedData, k: int) -> Probe:
    """Asks.

    Args:
        model: A loaded artifact.
        data: Prepared tables.
        k: Length of a slate.
    """
    k = min(k, len(model.manifest.item_ids))
    pages = data.pages(data.rows())
    last = _last_pages(pages, data.timestamps)
    few = pages.start[_telling(pages.start - pages.user_start)]
    known = pd.Index(model.manifest.item_ids).get_indexer(pd.Index(data.interactions["item_id"]))
    users = data.queries(pages.start[last], model.manifest.max_history)
    allow = masks(pages, last, known.astype(np.int64), len(model.manifest.item_ids))
    item_ids = np.tile(np.array(model.manifest.item_ids, dtype=object), (len(few), 1))
    ranked = model.rank(data.queries(few, model.manifest.max_history), item_ids)
    masked = model.recommend(users, allow, k)
    first = data.queries(pages.start[last[:FEW]], model.manifest.max_history)
    _, forbidden = masked_slates(model, first, allow[:FEW], len(model.manifest.item_ids))
    return Probe(
        scores=ranked.scores,
        predictions=ranked.predictions,
        slates=model.recommend(users, None, k).item_ids,
        masked=masked.item_ids,
        forbidden=forbidden,
        unstable=_unstable(model, data, few, k),
        n_bytes=sum(path.stat().st_size for path in model.folder.rglob("*") if path.is_file()),
        latency_ms=_latency_ms(model, data, few[-1:], k),
        growth_bytes=_growth_bytes(model, data, few, k),
    )


def _last_pages(pages: Pages, timestamps: Ints) -> Ints:
    """Positions of the last pages of the users who were there last, in the order of the table."""
    is_last = np.append(pages.user_start[1:] != pages.user_start[:-1], True)
    last = np.flatnonzero(is_last)
    newest = np.argsort(-timestamps[pages.start[last]], kind="stable")[:USERS]
    return np.sort(last[newest])


def _telling(lengths: Ints) -> Ints:
    """Positions of pages from the shortest history to the longest, evenly spread."""
    order = np.argsort(lengths, kind="stable")
    return order[np.unique(np.linspace(0, len(order) - 1, FEW).astype(np.int64))]


def _unstable(model: Artifact, data: PreparedData, rows: Ints, k: int) -> int:
    """Requests that are answered differently alone, or the second time."""
    together = model.recommend(data.queries(rows, model.manifest.max_history), None, k)
    again = model.recommend(data.queries(rows, model.manifest.max_history), None, k)
    wrong = 0
    for place, row in enumerate(rows):
        alone = model.recommend(data.queries(np.array([row]), model.manifest.max_history), None, k)
        is_same = (
            np.allclose(alone.scores[0], together.scores[place], rtol=TOLERANCE, atol=TOLERANCE)
            and (again.item_ids[place] == together.item_ids[place]).all()
        )
        wrong += not is_same
    return wrong


def _latency_ms(model: Artifact, data: PreparedData, row: Ints, k: int) -> float:
    """The fastest of many calls with a long history: the model's cost, not the machine's load."""
    query = data.queries(row, model.manifest.max_history)
    seconds = []
    for _ in _times(WARM_CALLS + TIMED_CALLS):
        start = time.perf_counter()
        model.recommend(query, None, k)
        seconds.append(time.perf_counter() - start)
    return 1_000 * min(seconds[WARM_CALLS:])


def _growth_bytes(model: Artifact, data: PreparedData, rows: Ints, k: int) -> int:
    """How much the process grows over many requests."""
    query = data.queries(rows[:1], model.manifest.max_history)
    process = psutil.Process(os.getpid())
    before = int(process.memory_info().rss)
    for _ in _times(GROWTH_CALLS):
        model.recommend(query, None, k)
    return int(process.memory_info().rss) - before


def _times(count: int) -> Iterator[int]:
    return iter(range(count))
