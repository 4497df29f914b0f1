"""How slates are asked for, offline as in serving: exclusions first, then the best k left."""

from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.measures import ties
from pipelines.models.artifact import Manifest, Ranked, Slates
from pipelines.models.examples import Floats, Ints, Pages, Queries, Texts
from services.recommender import slate

Bools = npt.NDArray[np.bool_]

WIDER = 64
"""By how much more is asked for where a tie reaches beyond the slate."""
MAX_PLACES = 2_000_000
"""Of slates that are asked for at once: each place is a text."""


class Asked(Protocol):
    """A model behind the served signatures: an artifact."""

    manifest: Manifest

    def recommend(self, queries: Queries, allow: Bools | None, k: int) -> Slates:
        """The best k allowed items of each row."""

    def rank(self, queries: Queries, item_ids: Texts) -> Ranked:
        """Scores and predictions of given items."""


class Shown(NamedTuple):
    """Slates of some requests, [batch, k] rows of the model's catalogue; -1 = empty."""

    served: Ints
    drawn: Ints
    """Equal scores in an order of chance; where they reach beyond the slate, any of them."""
    forbidden: int


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
    rows, _ = _best(model, queries, allow, k)
    return rows, _forbidden(rows, allow)


def show(model: Asked, queries: Queries, allow: Bools | None, k: int, seeds: Ints) -> Shown:
    """Slates as served, and with equal scores drawn.

    Where the last item shown ties with the next one, more is asked for, until the tie ends.

    Args:
        model: The model.
        queries: [batch] queries.
        allow: [batch, items] in manifest order; None = all.
        k: Length of a slate; it may exceed the catalogue.
        seeds: [batch] of the draw.
    """
    rows, scores = _best(model, queries, allow, k + 1)
    served, drawn = rows[:, :k], rows[:, :k].copy()
    tied = np.flatnonzero(ties.has_ties(scores))
    if len(tied):
        drawn[tied] = ties.drawn(rows[tied], scores[tied], seeds[tied])[:, :k]
    width, n_items = k + 1, len(model.manifest.item_ids)
    reaching = np.flatnonzero(ties.reach_beyond(scores, k))
    while len(reaching) and width < n_items:
        width, still = min(WIDER * width, n_items), []
        for part in _parts(reaching, width):
            allowed = None if allow is None else allow[part]
            more, scores = _best(model, queries.take(part), allowed, width)
            drawn[part] = ties.drawn(more, scores, seeds[part])[:, :k]
            still.append(part[ties.reach_beyond(scores, k)])
        reaching = np.concatenate(still)
    return Shown(served, drawn, _forbidden(served, allow))


def _parts(rows: Ints, width: int) -> list[Ints]:
    size = max(1, MAX_PLACES // width)
    return [rows[start : start + size] for start in range(0, len(rows), size)]


def _best(model: Asked, queries: Queries, allow: Bools | None, k: int) -> tuple[Ints, Floats]:
    """[batch, k] rows of the model's catalogue, -1 = empty, and their scores."""
    item_ids = model.manifest.item_ids
    answer = model.recommend(queries, allow, min(k, len(item_ids)))
    places = slate.cut(answer.scores, k)
    found = pd.Index(item_ids).get_indexer(pd.Index(answer.item_ids.ravel()))
    missing = ((0, 0), (0, k - places.shape[1]))
    rows = np.where(places, found.reshape(answer.item_ids.shape), -1).astype(np.int64)
    scores = np.where(places, answer.scores, np.float32(-np.inf))
    return (
        np.pad(rows, missing, constant_values=-1),
        np.pad(scores, missing, constant_values=-np.inf),
    )


def _forbidden(rows: Ints, allow: Bools | None) -> int:
    """Places that hold an item which the mask excludes."""
    if allow is None:
        return 0
    is_forbidden = (rows >= 0) & ~np.take_along_axis(allow, np.maximum(rows, 0), axis=1)
    return int(is_forbidden.sum())
