"""How a frozen model is questioned: which requests it gets, and what counts as found.

`live`, the headline: each interaction of a window is predicted from all that its user had done
strictly before that moment, as the endpoint would. Interactions of one page share one request, and
so one slate; each of them is looked for in it. The whole catalogue minus seen items competes:
siblings of the page stay in, and an item that the model does not know is a miss. Where items may be
chosen again (`repeats` in the descriptor), seen ones compete, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines import progress
from pipelines.models.artifact import Manifest, Ranked, Slates
from pipelines.models.examples import Floats, Ints, Pages, PreparedData, Queries, Texts
from services.recommender import slate

Bools = npt.NDArray[np.bool_]
EMPTY = ""


class Asked(Protocol):
    """A model behind the served signatures: an artifact."""

    manifest: Manifest

    def recommend(self, queries: Queries, allow: Bools | None, k: int) -> Slates:
        """The best k allowed items of each row."""

    def rank(self, queries: Queries, item_ids: Texts) -> Ranked:
        """Scores and predictions of given items."""


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
    """What a model answered to the questions of a protocol."""

    rows: Ints
    """[interactions] rows of the prepared table, ascending."""
    ranks: Ints
    """[interactions] place in the slate from 1; 0 = not in it."""
    predictions: Floats
    """[interactions, heads] for the item that was chosen; NaN = the model does not know it."""
    page_rows: Ints
    """[pages] the first row of each page."""
    slates: Ints
    """[pages, k] rows of the data's catalogue; -1 = empty."""
    forbidden: int
    """Items in slates that the mask had excluded: none, unless the model ignores its mask."""


def live(model: Asked, asked: Questions, description: str = "live") -> Answers:
    """Asks one request per page and looks for each of the page's items in its slate."""
    data, pages, manifest = asked.data, asked.data.pages(asked.rows), model.manifest
    catalogue = pd.Index(manifest.item_ids)
    known = catalogue.get_indexer(pd.Index(data.interactions["item_id"])).astype(np.int64)
    slates = np.full((len(pages.start), asked.k), -1, dtype=np.int64)
    predictions = np.full((len(known), len(manifest.heads)), np.nan, dtype=np.float32)
    forbidden = 0
    for some in _batches(pages, asked.batch, description):
        queries = data.queries(pages.start[some], manifest.max_history, manifest.profile_fields)
        allow = None if data.prepared.repeats else masks(pages, some, known, len(catalogue))
        slates[some], broken = masked_slates(model, queries, allow, asked.k)
        forbidden += broken
        _predict(model, queries, (pages.start[some], pages.end[some]), data, predictions)
    rows, ranks = _ranks(pages, slates, known)
    own = pd.Index(data.item_ids).get_indexer(catalogue).astype(np.int64)
    shown = np.where(slates >= 0, own[slates], -1)
    return Answers(rows, ranks, predictions[rows], pages.start, shown, forbidden)


def masks(pages: Pages, some: Ints, known: Ints, n_items: int) -> Bools:
    """What may be recommended to each of some pages: all but what its user had seen by then.

    Args:
        pages: All pages.
        some: Positions in `pages`.
        known: [interactions] the model's row of each interaction's item; -1 = unknown.
        n_items: Size of the model's catalogue.
    """
    bounds = zip(pages.user_start[some], pages.start[some], strict=True)
    return np.stack([slate.allow_mask(n_items, known[start:end]) for start, end in bounds])


def _batches(pages: Pages, size: int, description: str) -> Iterator[Ints]:
    """Positions of pages; those of similar size together, so that little is padded."""
    order = np.argsort(pages.end - pages.start, kind="stable")
    parts = [order[start : start + size] for start in range(0, len(order), size)]
    return progress.track(parts, description, len(parts))


def masked_slates(model: Asked, queries: Queries, allow: Bools | None, k: int) -> tuple[Ints, int]:
    """Slates of allowed items, as serving would cut them.

    Args:
        model: The model.
        queries: [batch] queries.
        allow: [batch, items] in manifest order; None = all.
        k: Length of a slate; it may exceed the catalogue.

    Returns:
        [batch, k] rows of the model's catalogue, -1 = empty; and how many of them were forbidden.
    """
    item_ids = model.manifest.item_ids
    answer = model.recommend(queries, allow, min(k, len(item_ids)))
    places = slate.cut(answer.scores, k)
    found = pd.Index(item_ids).get_indexer(pd.Index(answer.item_ids.ravel()))
    rows: Ints = np.where(places, found.reshape(answer.item_ids.shape), -1).astype(np.int64)
    padded = np.full((len(rows), k), -1, dtype=np.int64)
    padded[:, : rows.shape[1]] = rows
    return padded, 0 if allow is None else _forbidden(rows, allow)


def _forbidden(rows: Ints, allow: Bools) -> int:
    is_forbidden = (rows >= 0) & ~np.take_along_axis(allow, np.maximum(rows, 0), axis=1)
    return int(is_forbidden.sum())


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
