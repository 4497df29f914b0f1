"""Equal scores, measured without favour.

A slate puts items of equal score in the order of the catalogue, which is no merit of the model: on
MovieLens-100K the first ids are the popular films. So what is looked for stands at a random place
among its equals, also where they reach beyond the slate: the expected gain is the mean over all
their orders (McSherry and Najork, "Computing information retrieval performance measures efficiently
in the presence of tied scores", 2008). The draw depends on the request alone: it is the same for
every model and in every run.
"""

import numpy as np
import numpy.typing as npt

from pipelines.models.examples import Floats, Ints

Bools = npt.NDArray[np.bool_]


def has_ties(scores: Floats) -> Bools:
    """[batch]: whether two neighbours have one score.

    Args:
        scores: [batch, places] best first; an empty place has no finite score.
    """
    tied = (scores[:, 1:] == scores[:, :-1]) & np.isfinite(scores[:, 1:])
    return np.asarray(tied.any(axis=1))


def reach_beyond(scores: Floats, k: int) -> Bools:
    """[batch]: whether the item at place k ties with the last one known.

    Args:
        scores: [batch, places] best first; more than k places.
        k: Length of a slate.
    """
    last = scores[:, -1]
    return np.asarray((scores[:, k - 1] == last) & np.isfinite(last))


def drawn(rows: Ints, scores: Floats, seeds: Ints) -> Ints:
    """[batch, places]: the same items, those of equal score in an order of chance.

    Args:
        rows: [batch, places] items, best first.
        scores: [batch, places]; empty places, without a finite score, stay at the end.
        seeds: [batch] equal seeds give equal orders.
    """
    places = rows.shape[1]
    chance = np.stack([np.random.default_rng(seed).random(places) for seed in seeds])
    order = np.lexsort((chance, -scores), axis=1)
    return np.take_along_axis(rows, order, axis=1)
