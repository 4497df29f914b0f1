"""Choices of the validation window, with what the sources say of the alternatives."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from pipelines.descriptors import RetrievalTask
from pipelines.models.blend.choice import Choices
from pipelines.models.engine import tf
from pipelines.models.examples import Ints, PreparedData
from pipelines.models.tasks import is_positive
from pipelines.params import Params

MIN_CHOICES = 50
"""With fewer, nothing is learnt from them."""

Asked = tuple[Any, ...]
"""Item ids, events, values and timestamps of histories, profiles and moments, as served."""


def choices(
    data: PreparedData,
    task: RetrievalTask,
    params: Params,
    until: int,
    features: Callable[[Asked], Any],
) -> Choices | None:
    """The task's choices in the validation window's newest pages; None where there are too few.

    Every item that may be recommended is an alternative. Each choice of a page is a choice of
    its own among all of them.

    Args:
        data: Prepared tables.
        task: Whose positives are choices.
        params: All parameters.
        until: The sources learnt from what lies before, microseconds.
        features: [b, n, features] of all items for b queries.
    """
    rows = _chosen_rows(data, task, until)
    if len(rows) < MIN_CHOICES:
        return None
    pages = _newest_pages(data, rows, params.blend.max_pages)
    rows = rows[np.isin(data.page_start[rows], pages)]
    by_page = _items_by_page(pages, data.page_start[rows], data.item_rows[rows])
    random = np.random.default_rng(params.fit.seed)
    parts, chosen, starts, size = [], [], [], 0
    for page, items, found in zip(
        pages, by_page, _features(data, pages, params.evaluate.batch, features), strict=True
    ):
        others = _others(data, page, items, random, params.blend.alternatives)
        parts.append(found[np.concatenate([items, others])])
        chosen.append(size + np.arange(len(items)))
        starts.append(size)
        size += len(items) + len(others)
    return Choices(np.concatenate(parts), np.array(starts), np.concatenate(chosen))


def _chosen_rows(data: PreparedData, task: RetrievalTask, until: int) -> Ints:
    rows = data.window("validation")
    rows = rows[(data.timestamps[rows] >= until) & (data.item_rows[rows] >= 0)]
    return rows[is_positive(task.positive, data.events[rows], data.values[rows])]


def _newest_pages(data: PreparedData, rows: Ints, limit: int) -> Ints:
    """First rows of the pages that these rows stand in, ascending."""
    pages = np.unique(data.page_start[rows])
    newest = np.argsort(-data.timestamps[pages], kind="stable")[:limit]
    return np.sort(pages[newest])


def _items_by_page(pages: Ints, page_of: Ints, items: Ints) -> list[Ints]:
    """The distinct items of each page; `page_of` is ascending."""
    bounds = np.searchsorted(page_of, pages)
    return [np.unique(part) for part in np.split(items, bounds[1:])]


def _features(
    data: PreparedData, pages: Ints, size: int, features: Callable[[Asked], Any]
) -> Iterator[Any]:
    """[n, features] of all items, page by page."""
    ask = tf.function(features, reduce_retracing=True)
    longest = int((pages - data.user_start[pages]).max())
    fields = list(data.prepared.profile_fields)
    for start in range(0, len(pages), size):
        queries = data.queries(pages[start : start + size], longest, fields)
        histories = queries.histories
        texts = (histories.item_ids, histories.events, queries.profile)
        item_ids, events, profile = (tf.constant(t, tf.string, shape=t.shape) for t in texts)
        yield from ask(
            (item_ids, events, histories.values, histories.timestamps, profile, queries.now)
        ).numpy()


def _others(
    data: PreparedData, page: int, items: Ints, random: np.random.Generator, limit: int
) -> Ints:
    """Items that could have been chosen instead: all, or `limit` of them evenly sampled."""
    is_other = np.ones(len(data.items), dtype=bool)
    if not data.prepared.repeats:
        seen = data.item_rows[data.user_start[page] : page]
        is_other[seen[seen >= 0]] = False
    is_other[items] = False
    others = np.flatnonzero(is_other)
    return others if len(others) <= limit else random.choice(others, limit, replace=False)
