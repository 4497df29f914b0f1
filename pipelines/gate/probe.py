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

from pipelines.measures.asking import Asked, Bools, masked_slates, masks
from pipelines.models.artifact import Artifact, Slates
from pipelines.models.examples import Floats, Ints, Pages, PreparedData, Queries, Texts

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
    """[users, k] as they are served: without what each user has seen, unless items repeat."""
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
    users = _queries(model, data, pages.start[last])
    allow = masks(pages, last, known.astype(np.int64), len(model.manifest.item_ids))
    item_ids = np.tile(np.array(model.manifest.item_ids, dtype=object), (len(few), 1))
    ranked = model.rank(_queries(model, data, few), item_ids)
    masked = model.recommend(users, None if data.prepared.repeats else allow, k)
    first = _queries(model, data, pages.start[last[:FEW]])
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


def _queries(model: Asked, data: PreparedData, rows: Ints) -> Queries:
    return data.queries(rows, model.manifest.max_history, model.manifest.profile_fields)


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


def _unstable(model: Asked, data: PreparedData, rows: Ints, k: int) -> int:
    """Requests that are answered differently alone, or the second time."""
    together, again = (model.recommend(_queries(model, data, rows), None, k) for _ in range(2))
    wrong = 0
    for place, row in enumerate(rows):
        alone = model.recommend(_queries(model, data, np.array([row])), None, k)
        first = _row(together, place)
        wrong += not (_is_same(first, _row(again, place)) and _is_same(first, _row(alone, 0)))
    return wrong


def _row(slates: Slates, place: int) -> Slates:
    return Slates(slates.item_ids[place], slates.scores[place], slates.predictions[place])


def _is_same(one: Slates, other: Slates) -> bool:
    """Whether two slates of one request are equal; items with equal scores may change places."""
    ties = _close(one.scores[1:], one.scores[:-1])
    # the last place may hold any item that ties with the first one that is not shown
    may_change = np.append(ties, True) | np.append(False, ties)
    is_equal = one.item_ids == other.item_ids
    return bool(
        _close(one.scores, other.scores).all()
        and (is_equal | may_change).all()
        and _close(one.predictions, other.predictions)[is_equal].all()
    )


def _close(some: Floats, others: Floats) -> Bools:
    return np.asarray(np.isclose(some, others, TOLERANCE, TOLERANCE, equal_nan=True))


def _latency_ms(model: Artifact, data: PreparedData, row: Ints, k: int) -> float:
    """The fastest of many calls with a long history: the model's cost, not the machine's load."""
    query = _queries(model, data, row)
    seconds = []
    for _ in _times(WARM_CALLS + TIMED_CALLS):
        start = time.perf_counter()
        model.recommend(query, None, k)
        seconds.append(time.perf_counter() - start)
    return 1_000 * min(seconds[WARM_CALLS:])


def _growth_bytes(model: Artifact, data: PreparedData, rows: Ints, k: int) -> int:
    """How much the process grows over many requests."""
    query = _queries(model, data, rows[:1])
    process = psutil.Process(os.getpid())
    before = int(process.memory_info().rss)
    for _ in _times(GROWTH_CALLS):
        model.recommend(query, None, k)
    return int(process.memory_info().rss) - before


def _times(count: int) -> Iterator[int]:
    return iter(range(count))
