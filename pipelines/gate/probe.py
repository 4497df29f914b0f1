"""Questions to a model that need no labels: is it alive, does it look at who asks?

The same requests go to the judged model and to the refitted one: the last moment of the users who
were there last, and a few moments that cover empty, short and long histories.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipelines.gate.foresight import Chance, chance
from pipelines.gate.steadiness import unsteady
from pipelines.measures.asking import Asked, Bools, masks
from pipelines.measures.scores import Window
from pipelines.models.artifact import Slates
from pipelines.models.examples import Floats, Histories, Ints, Pages, PreparedData, Queries, Texts

USERS = 200
"""At most that many users are asked about."""
FEW = 16
"""Requests whose whole catalogue is scored, beside the cut histories."""
MOMENTS = 128
CELLS = 1_000_000
"""At most that many moments of the window, and scores in all, to see what a model foresees."""
VOCABULARY = 256
"""Interactions whose item is asked about by itself."""
NOBODY = "no item has this id"


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
    """Excluded, unknown or repeated items in slates, also where k is the whole catalogue."""
    unsteady: int
    """Requests whose answer changed on repetition, or with the rows beside them."""
    appeal: Floats
    """[1 + moments, items] scores of the data's catalogue: for an empty history, then for moments
    of the window; NaN for items that the model does not know."""
    clock: Floats
    """[moments, items] the same for requests that say nothing but `now`."""
    moments: Ints
    """[moments] first rows of the pages that were asked about."""
    chance: Chance
    unread: float
    """Share of the fit window's interactions whose item a history may as well not hold."""


def probe(model: Asked, window: Window, batch: int) -> Probe:
    """Asks.

    Args:
        model: A loaded artifact.
        window: The test window.
        batch: Requests per call.
    """
    data, k = window.data, min(window.k, len(model.manifest.item_ids))
    moments = _moments(data, window.rows)
    pages = data.pages(data.rows())
    last = _last_pages(pages, data.timestamps)
    few = pages.start[telling(pages.start - pages.user_start)]
    known = pd.Index(model.manifest.item_ids).get_indexer(pd.Index(data.interactions["item_id"]))
    users = ask(model, data, pages.start[last])
    allow = masks(pages, last, known.astype(np.int64), len(model.manifest.item_ids))
    ranked = model.rank(_with_cuts(model, data, few), _all_items(model, len(few) + len(_CUTS)))
    slates = model.recommend(users, None, k)
    masked = model.recommend(users, None if data.prepared.repeats else allow, k)
    first = ask(model, data, pages.start[last[:FEW]])
    return Probe(
        scores=ranked.scores,
        predictions=ranked.predictions,
        slates=slates.item_ids,
        masked=masked.item_ids,
        forbidden=forbidden(model, slates, None)
        + forbidden(model, masked, allow)
        + _forbidden_at_the_edges(model, first, allow[:FEW]),
        unsteady=unsteady(model, data, few, k),
        appeal=_appeal(model, data, moments),
        clock=_clock(model, data, moments),
        moments=moments,
        chance=chance(model, window, batch),
        unread=_unread(model, data, k),
    )


def ask(model: Asked, data: PreparedData, rows: Ints) -> Queries:
    """The requests that the moments of some rows would have sent to this model."""
    return data.queries(rows, model.manifest.max_history, model.manifest.profile_fields)


def telling(lengths: Ints, count: int = FEW) -> Ints:
    """Positions of at most `count` histories from the shortest to the longest, evenly spread."""
    order = np.argsort(lengths, kind="stable")
    return order[np.unique(np.linspace(0, len(order) - 1, count).astype(np.int64))]


def forbidden(model: Asked, slates: Slates, allow: Bools | None) -> int:
    """Places of slates that hold what they must not: an excluded or unknown item, or one twice."""
    found = pd.Index(model.manifest.item_ids).get_indexer(pd.Index(slates.item_ids.ravel()))
    items = found.reshape(slates.item_ids.shape)
    is_item = (slates.item_ids != "") | np.isfinite(slates.scores)
    is_unknown = is_item & (items < 0)
    repeated = sum(
        int((row >= 0).sum()) - len(np.unique(row[row >= 0]))
        for row in np.where(is_item, items, -1)
    )
    excluded = 0
    if allow is not None:
        is_allowed = np.take_along_axis(allow, np.maximum(items, 0), axis=1)
        excluded = int((is_item & (items >= 0) & ~is_allowed).sum())
    return int(is_unknown.sum()) + repeated + excluded


def _last_pages(pages: Pages, timestamps: Ints) -> Ints:
    """Positions of the last pages of the users who were there last, in the order of the table."""
    is_last = np.append(pages.user_start[1:] != pages.user_start[:-1], True)
    last = np.flatnonzero(is_last)
    newest = np.argsort(-timestamps[pages.start[last]], kind="stable")[:USERS]
    return np.sort(last[newest])


def _all_items(model: Asked, batch: int) -> Texts:
    return np.tile(np.array(model.manifest.item_ids, dtype=object), (batch, 1))


_CUTS = (0, 1, 2)
"""Lengths to which the longest history is cut, whatever lengths the data hold."""


def _with_cuts(model: Asked, data: PreparedData, rows: Ints) -> Queries:
    """The rows' requests, and the last one again with only its newest events."""
    whole = ask(model, data, np.append(rows, np.repeat(rows[-1:], len(_CUTS))))
    width = whole.histories.item_ids.shape[1]
    kept = np.append(np.full(len(rows), width), _CUTS)
    is_cut = np.arange(width)[None, :] < (width - kept)[:, None]
    return Queries(blanked(whole.histories, is_cut), whole.profile, whole.now)


def blanked(histories: Histories, where: Bools) -> Histories:
    """Histories without the events at some places, [batch, history]."""
    return Histories(
        item_ids=np.where(where, "", histories.item_ids),
        events=np.where(where, "", histories.events),
        values=np.where(where, np.float32(np.nan), histories.values),
        timestamps=np.where(where, 0, histories.timestamps),
    )


def _forbidden_at_the_edges(model: Asked, queries: Queries, allow: Bools) -> int:
    """With the longest slate that there is; and with every item excluded but each user's first."""
    n_items = len(model.manifest.item_ids)
    one = np.zeros_like(allow)
    one[np.arange(len(one)), allow.argmax(axis=1)] = True
    longest, shortest = (model.recommend(queries, mask, n_items) for mask in (allow, one))
    return forbidden(model, longest, allow) + forbidden(model, shortest, one)


def _moments(data: PreparedData, rows: Ints) -> Ints:
    """First rows of pages of the window, evenly spread over the table."""
    starts = data.pages(rows).start
    count = int(np.clip(CELLS // len(data.items), 8, MOMENTS))
    return starts[np.unique(np.linspace(0, len(starts) - 1, count).astype(np.int64))]


def _appeal(model: Asked, data: PreparedData, moments: Ints) -> Floats:
    whole = ask(model, data, np.append(moments[-1:], moments))
    nothing = np.zeros(whole.histories.item_ids.shape, dtype=bool)
    nothing[0] = True
    return _scores(model, data, replace(whole, histories=blanked(whole.histories, nothing)))


def _clock(model: Asked, data: PreparedData, moments: Ints) -> Floats:
    nothing = np.zeros((len(moments), 0))
    histories = Histories(
        nothing.astype(object),
        nothing.astype(object),
        nothing.astype(np.float32),
        nothing.astype(np.int64),
    )
    profile = np.full((len(moments), len(model.manifest.profile_fields)), "", dtype=object)
    return _scores(model, data, Queries(histories, profile, data.timestamps[moments]))


def _scores(model: Asked, data: PreparedData, queries: Queries) -> Floats:
    """[batch, items] of the data's catalogue; NaN for items that the model does not know."""
    items = np.array(data.item_ids, dtype=object)
    scores = model.rank(queries, np.tile(items, (len(queries.now), 1))).scores
    is_known = pd.Index(items).isin(model.manifest.item_ids)
    return np.where(is_known, scores, np.float32(np.nan))


def _unread(model: Asked, data: PreparedData, k: int) -> float:
    """Asks with one event as the whole history, and with one of an item that is in no catalogue."""
    fit_rows = data.rows(end=data.prepared.fit_cut)
    rows = fit_rows[np.unique(np.linspace(0, len(fit_rows) - 1, VOCABULARY).astype(np.int64))]
    now = np.full(len(rows), data.prepared.fit_cut, dtype=np.int64)
    profile = np.full((len(rows), len(model.manifest.profile_fields)), "", dtype=object)

    def answers(item_ids: Texts) -> Floats:
        history = Histories(
            item_ids=item_ids[:, None],
            events=data.events[rows][:, None],
            values=data.values[rows][:, None],
            timestamps=data.timestamps[rows][:, None],
        )
        return model.recommend(Queries(history, profile, now), None, k).scores

    own = answers(data.interactions["item_id"].to_numpy(object)[rows])
    nobody = answers(np.full(len(rows), NOBODY, dtype=object))
    return float(np.isclose(own, nobody, rtol=1e-6, atol=1e-7).all(axis=1).mean())
