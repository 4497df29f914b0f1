"""How a frozen model is questioned: which requests it gets, and what counts as found.

`live`, the headline: each interaction of a window is predicted from all that its user had done
strictly before that moment, as the endpoint would. Interactions of one page share one request, and
so one slate; each of them is looked for in it.

`window`: one request per user at the window's first instant; all that the user chose in the window
is looked for in the one slate.

In both the whole catalogue minus seen items competes: siblings of the page stay in. An item that
the model does not know, or that its user had seen, is a miss; a user without a history is asked
about like any other. Where items may be chosen again (`repeats` in the descriptor), seen ones
compete, too. Equal scores are measured without favour (`ties`).
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
import pandas as pd

from pipelines import progress
from pipelines.descriptors import RetrievalTask
from pipelines.measures.asking import Asked, Bools, masks, show
from pipelines.models.examples import Floats, Ints, Pages, PreparedData, Queries
from pipelines.models.tasks import is_positive

EMPTY = ""


@dataclass(frozen=True)
class Questions:
    """What is asked.

    Args:
        data: Prepared tables.
        rows: Rows of the window to predict; whole pages.
        k: Length of a slate.
        batch: Requests per call.
    """

    data: PreparedData
    rows: Ints
    k: int
    batch: int


@dataclass(frozen=True)
class Answers:
    """What a model answered to the questions of `live`."""

    rows: Ints
    """[interactions] rows of the prepared table, ascending."""
    ranks: Ints
    """[interactions] place in the slate from 1, equal scores drawn; 0 = not in it."""
    predictions: Floats
    """[interactions, heads] for the item that was chosen; NaN = the model does not know it."""
    page_rows: Ints
    """[pages] the first row of each page."""
    slates: Ints
    """[pages, k] as served: rows of the data's catalogue; -1 = empty."""
    forbidden: int
    """Items in slates that the mask had excluded: none, unless the model ignores its mask."""


@dataclass(frozen=True)
class UserAnswers:
    """What a model answered to the questions of `window`."""

    rows: Ints
    """[users] the first row in the window of each user who chose something in it, ascending."""
    hits: Bools
    """[users, k] whether the item at each place was chosen, equal scores drawn."""
    relevant: Ints
    """[users] different items chosen in the window, known or not, seen or not."""
    slates: Ints
    """[users, k] as served: rows of the data's catalogue; -1 = empty."""


def live(model: Asked, asked: Questions, description: str = "live") -> Answers:
    """Asks one request per page and looks for each of the page's items in its slate."""
    data, pages, known = asked.data, asked.data.pages(asked.rows), _known(model, asked.data)
    served, drawn = _no_slates(pages, asked.k), _no_slates(pages, asked.k)
    shape = (len(data.interactions), len(model.manifest.heads))
    predictions, forbidden = np.full(shape, np.nan, dtype=np.float32), 0
    for some, queries in _requests(model, asked, pages, description):
        allow = _allowed(model, data, pages, some, known)
        shown = show(model, queries, allow, asked.k, pages.start[some])
        served[some], drawn[some] = shown.served, shown.drawn
        forbidden += shown.forbidden
        _predict(model, queries, (pages.start[some], pages.end[some]), data, predictions)
    rows, ranks = _ranks(pages, drawn, known)
    slates = _in_catalogue(model, data, served)
    return Answers(rows, ranks, predictions[rows], pages.start, slates, forbidden)


def window(model: Asked, asked: Questions, description: str = "window") -> UserAnswers:
    """Asks one request per user and looks for all of the user's positives in its slate.

    Who the user is comes from the first interaction in the window, since the tables know of no
    earlier moment of a user without a history.
    """
    data, known = asked.data, _known(model, asked.data)
    pages, chosen = _users(data, asked.rows)
    opening = int(data.timestamps[asked.rows].min())
    served, drawn = _no_slates(pages, asked.k), _no_slates(pages, asked.k)
    for some, queries in _requests(model, asked, pages, description):
        then = replace(queries, now=np.full(len(some), opening))
        allow = _allowed(model, data, pages, some, known)
        shown = show(model, then, allow, asked.k, pages.start[some])
        served[some], drawn[some] = shown.served, shown.drawn
    hits = _hits(drawn, chosen, known)
    relevant = np.bincount(chosen.user, minlength=len(pages.start)).astype(np.int64)
    return UserAnswers(pages.start, hits, relevant, _in_catalogue(model, data, served))


class Chosen(NamedTuple):
    """Different (user, item) pairs of a window."""

    user: Ints
    """Position in the pages that are asked about."""
    row: Ints
    """A row of the prepared table with that item."""


def _requests(
    model: Asked, asked: Questions, pages: Pages, description: str
) -> Iterator[tuple[Ints, Queries]]:
    """Positions of pages and their queries; those of similar size together: little is padded."""
    data, manifest = asked.data, model.manifest
    order = np.argsort(pages.end - pages.start, kind="stable")
    parts = [order[start : start + asked.batch] for start in range(0, len(order), asked.batch)]
    for some in progress.track(parts, description, len(parts)):
        rows = pages.start[some]
        yield some, data.queries(rows, manifest.max_history, manifest.profile_fields)


def _allowed(
    model: Asked, data: PreparedData, pages: Pages, some: Ints, known: Ints
) -> Bools | None:
    """[some, items] what competes; None = all."""
    if data.prepared.repeats:
        return None
    return masks(pages, some, known, len(model.manifest.item_ids))


def _no_slates(pages: Pages, k: int) -> Ints:
    return np.full((len(pages.start), k), -1, dtype=np.int64)


def _known(model: Asked, data: PreparedData) -> Ints:
    """[interactions] the model's row of each interaction's item; -1 = unknown."""
    catalogue = pd.Index(model.manifest.item_ids)
    return catalogue.get_indexer(pd.Index(data.interactions["item_id"])).astype(np.int64)


def _in_catalogue(model: Asked, data: PreparedData, rows: Ints) -> Ints:
    """The model's rows as rows of the data's catalogue; -1 = empty, or not in it."""
    own = pd.Index(data.item_ids).get_indexer(pd.Index(model.manifest.item_ids)).astype(np.int64)
    return np.where(rows >= 0, own[rows], -1)


def _users(data: PreparedData, rows: Ints) -> tuple[Pages, Chosen]:
    """What each user did in a window as one page, for users with positives, and those positives."""
    tasks = [task for task in data.prepared.tasks if isinstance(task, RetrievalTask)]
    events, values = data.events[rows], data.values[rows]
    positive = np.any([is_positive(task.positive, events, values) for task in tasks], axis=0)
    starts, first, counts = np.unique(data.user_start[rows], return_index=True, return_counts=True)
    pairs = pd.DataFrame(
        {
            "user": np.searchsorted(starts, data.user_start[rows[positive]]),
            "item": data.chosen_ids[rows[positive]],
            "row": rows[positive],
        }
    ).drop_duplicates(["user", "item"])
    asked, user = np.unique(pairs["user"].to_numpy(np.int64), return_inverse=True)
    opening = rows[first[asked]]
    pages = Pages(starts[asked], opening, opening + counts[asked])
    return pages, Chosen(user, pairs["row"].to_numpy(np.int64))


def _hits(slates: Ints, chosen: Chosen, known: Ints) -> Bools:
    """[users, k] whether the user chose the item at that place."""
    items = known[chosen.row]
    n_items = int(known.max(initial=0)) + 1
    wanted = (chosen.user * n_items + items)[items >= 0]
    users = np.arange(len(slates))[:, None]
    is_hit: Bools = np.isin(users * n_items + slates, wanted) & (slates >= 0) & (slates < n_items)
    return is_hit


def _predict(
    model: Asked, queries: Queries, bounds: tuple[Ints, Ints], data: PreparedData, into: Floats
) -> None:
    """Fills in the predictions of the pages' own items."""
    starts, ends = bounds
    places = starts[:, None] + np.arange(int((ends - starts).max()))[None, :]
    inside = places < ends[:, None]
    chosen = np.where(inside, data.chosen_ids[np.where(inside, places, 0)], EMPTY)
    into[places[inside]] = model.rank(queries, chosen).predictions[inside]


def _ranks(pages: Pages, slates: Ints, known: Ints) -> tuple[Ints, Ints]:
    """Rows of all pages' interactions, and each one's place in its page's slate."""
    sizes = pages.end - pages.start
    page = np.repeat(np.arange(len(sizes)), sizes)
    rows = np.repeat(pages.start, sizes) + np.arange(sizes.sum())
    rows -= np.repeat(np.cumsum(sizes) - sizes, sizes)
    found = (slates[page] == known[rows][:, None]) & (known[rows] >= 0)[:, None]
    return rows, np.where(found.any(axis=1), found.argmax(axis=1) + 1, 0)
