"""What scores know of the future that nobody could have known: figures for the leakage battery.

A model is a program that may have seen anything. What it has seen of the test window shows in how
its scores agree with it, beyond what the past explains.
"""

from dataclasses import replace
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from pipelines.measures.asking import Asked
from pipelines.measures.bootstrap import Bootstrap
from pipelines.measures.protocols import Questions, live
from pipelines.measures.scores import Window
from pipelines.models.examples import Floats, Ints, PreparedData

Doubles = npt.NDArray[np.float64]

DAY_US = 86_400_000_000
HALF_LIVES_DAYS = (3.0, 7.0, 21.0, 60.0)
MIN_FREEDOM = 100
"""Items beyond the number of explaining columns; with fewer a correlation says nothing."""
SHUFFLED_EVENTS = 1_000
SEED = 5


class Share(NamedTuple):
    """A share with the lower end of its 95 % interval, users resampled."""

    value: float
    low: float


class Chance(NamedTuple):
    """What a model gains when the labels are dealt out at random."""

    gain: float
    best: float
    """What the best slate for everybody would gain."""


def foresight(data: PreparedData, rows: Ints, scores: Floats) -> float | None:
    """How scores of items agree with their popularity to come, given their popularity so far.

    The partial correlation of ranked scores with log counts in the window, given counts of the fit
    window under several decays, the age of the item and their squares. An honest model can only
    guess at what these do not explain.

    Args:
        data: Prepared tables.
        rows: The test window.
        scores: [items] of the data's catalogue; NaN = unknown to the model.

    Returns:
        Range -1 to 1; None where there are too few items to tell.
    """
    explaining, known = _past(data), np.isfinite(scores)
    if known.sum() < explaining.shape[1] + MIN_FREEDOM:
        return None
    items = data.item_rows[rows]
    to_come = np.log1p(np.bincount(items[items >= 0], minlength=len(data.items)))
    left = _unexplained(to_come[known].astype(np.float64), explaining[known])
    own = _unexplained(rankdata(scores[known]), explaining[known])
    scale = float(np.sqrt((left**2).sum() * (own**2).sum()))
    is_told = (own**2).sum() > 1e-9 * (rankdata(scores[known]) ** 2).sum()
    return float((left * own).sum() / scale) if scale > 0 and is_told else 0.0


def own_against_others(
    data: PreparedData, window: Window, starts: Ints, scores: Floats
) -> Share | None:
    """How often what a user did next scores above what others did in the window.

    Popular items are as frequent on both sides, so that popularity explains nothing: 0.5 is chance,
    1 is a model that knows each page beforehand.

    Args:
        data: Prepared tables.
        window: The test window.
        starts: [moments] first rows of pages of the window.
        scores: [moments, items] for the moments' own requests; NaN = unknown to the model.
    """
    draws = np.random.default_rng(SEED)
    window_items = data.item_rows[window.rows]
    users, wins = [], []
    for start, row in zip(starts, scores, strict=True):
        own, everything = _page(data, start), _of_user(data, start)
        others = draws.choice(window_items, 200)
        others = others[(others >= 0) & ~np.isin(others, everything)]
        gaps = row[own][:, None] - row[others][None, :]
        gaps = gaps[np.isfinite(gaps)]
        if gaps.size:
            users.append(data.user_start[start])
            wins.append(float(((gaps > 0) + 0.5 * (gaps == 0)).mean()))
    return _share(np.array(users), np.array(wins), window)


def clock_share(data: PreparedData, window: Window, starts: Ints, scores: Floats) -> Share | None:
    """How often an item scores higher at the instant at which somebody chooses it than at others.

    Args:
        data: Prepared tables.
        window: The test window.
        starts: [moments] first rows of pages of the window.
        scores: [moments, items] for requests that say nothing but `now`, the moment's own.
    """
    users, wins = [], []
    for place, start in enumerate(starts):
        own = _page(data, start)
        elsewhere = np.delete(scores[:, own], place, axis=0)
        gaps = scores[place, own][None, :] - elsewhere
        gaps = gaps[np.isfinite(gaps)]
        if gaps.size:
            users.append(data.user_start[start])
            wins.append(float(((gaps > 0) + 0.5 * (gaps == 0)).mean()))
    return _share(np.array(users), np.array(wins), window)


def chance(model: Asked, window: Window, batch: int) -> Chance:
    """Deals the window's items out to its moments at random, and asks the model again.

    Args:
        model: A loaded artifact.
        window: The test window.
        batch: Requests per call.
    """
    data, frame = window.data, window.data.interactions
    order = np.arange(len(frame))
    order[window.rows] = np.random.default_rng(SEED).permutation(window.rows)
    dealt = frame.assign(
        item_id=frame["item_id"].to_numpy(object)[order], item=frame["item"].to_numpy()[order]
    )
    shuffled = replace(data, interactions=dealt)
    pages = data.pages(window.rows)
    some = np.cumsum(pages.end - pages.start) <= SHUFFLED_EVENTS
    some[0] = True
    parts = [np.arange(a, b) for a, b in zip(pages.start[some], pages.end[some], strict=True)]
    rows = np.concatenate(parts)
    answers = live(model, Questions(shuffled, rows, window.k, batch), "labels at random")
    counts = np.sort(np.unique(dealt["item_id"].to_numpy(object)[rows], return_counts=True)[1])
    top = counts[::-1][: window.k] / len(rows)
    best = float((top / np.log2(np.arange(len(top)) + 2)).sum())
    return Chance(float(window.gains(answers.ranks).mean()), best)


def _past(data: PreparedData) -> Doubles:
    """[items, columns]: what was known of each item's popularity at the cut."""
    cut, n_items = data.prepared.fit_cut, len(data.items)
    rows = data.rows(end=cut)
    rows = rows[data.item_rows[rows] >= 0]
    items, ages = data.item_rows[rows], (cut - data.timestamps[rows]) / DAY_US
    first = np.full(n_items, -1.0)
    np.maximum.at(first, items, ages)
    columns = [np.log1p(np.bincount(items, minlength=n_items)), first, first < 0]
    for half_life in HALF_LIVES_DAYS:
        decayed = np.bincount(items, np.exp2(-ages / half_life), minlength=n_items)
        columns.append(np.log1p(decayed * len(HALF_LIVES_DAYS)))
    plain = np.stack(columns, axis=1).astype(np.float64)
    ranked = np.stack([rankdata(column) for column in plain.T], axis=1) / n_items
    return np.concatenate([np.ones((n_items, 1)), plain, plain**2, ranked, ranked**2], axis=1)


def _unexplained(values: Doubles, by: Doubles) -> Doubles:
    """Residuals of a least-squares fit."""
    weights, *_ = np.linalg.lstsq(by, values, rcond=None)
    left: Doubles = values - by @ weights
    return left


def _page(data: PreparedData, start: int) -> Ints:
    """Catalogue rows of the items of the page that starts at a row."""
    first, stop = np.searchsorted(data.page_start, [start, start + 1])
    items = data.item_rows[first:stop]
    return items[items >= 0]


def _of_user(data: PreparedData, row: int) -> Ints:
    """Catalogue rows of all that the row's user ever chose."""
    start = data.user_start[row]
    first, stop = np.searchsorted(data.user_start, [start, start + 1])
    return data.item_rows[first:stop]


def _share(users: Ints, wins: Doubles, window: Window) -> Share | None:
    if not len(wins):
        return None
    estimate = Bootstrap(users, window.samples, window.seed).mean(wins)
    return Share(estimate.value, estimate.value if estimate.low is None else estimate.low)
