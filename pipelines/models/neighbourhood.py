"""Sparse item-item weights: the best few of each item, summed over a recency-weighted history.

Nothing here is a square of the catalogue, neither while fitting nor in the artifact.
"""

from collections.abc import Callable, Iterator
from typing import NamedTuple

import numpy as np
from scipy import sparse

from pipelines.descriptors import RetrievalTask
from pipelines.models.engine import tf
from pipelines.models.examples import Ints, PreparedData
from pipelines.models.recency import recency
from pipelines.models.serving import (
    Answer,
    Explanation,
    LinearScorer,
    Query,
    Tensor,
    constant,
    of_history,
    weighted,
)
from pipelines.models.statistics import Doubles, head_means, recent_priors, who_chose
from pipelines.sections import NeighbourhoodParams

VECTOR_DIM = 64
DENSE_SIDE = 256
"""A table with a side as short as that is decomposed as a whole."""
BLOCK = 1024
"""Items whose weights are made at once."""


class Nearest(NamedTuple):
    """The best few of each item; of fewer, the rest weighs 0."""

    items: Ints
    """[items, width] rows of the catalogue."""
    weights: Doubles
    """[items, width]"""


class Learnt(NamedTuple):
    """What a neighbourhood family has learnt."""

    nearest: list[Nearest | None]
    """For each retrieval task; None for a head."""
    priors: Doubles
    """[tasks, items]; what the score is without a history: popularity, or mean labels."""
    predictions: Doubles
    """[items, heads]; natural units."""
    vectors: Doubles
    """[items, dim]"""


class NeighbourhoodScorer(LinearScorer):
    """A sum over the history of each event's weights for the items nearest to it.

    Args:
        learnt: From the fit window.
        half_life_events: How many events further back an event weighs half.
    """

    def __init__(self, learnt: Learnt, half_life_events: float) -> None:
        super().__init__()
        self.targets = [
            None if each is None else tf.Variable(each.items, trainable=False, dtype=tf.int32)
            for each in learnt.nearest
        ]
        self.weights = [None if each is None else constant(each.weights) for each in learnt.nearest]
        self.priors = constant(learnt.priors)
        self.predictions = constant(learnt.predictions)
        self.vectors = constant(learnt.vectors)
        self.half_life_events = half_life_events

    def answer(self, query: Query) -> Answer:
        """The events' weights, added up by item, beside the priors."""
        batch = tf.shape(query.now)[0]
        columns = []
        for number, prior in enumerate(tf.unstack(self.priors)):
            own = tf.tile(prior[None], [batch, 1])
            if self.targets[number] is not None:
                own += self._summed(query, number)
            columns.append(own)
        predictions = tf.tile(self.predictions[None], [batch, 1, 1])
        return Answer(tf.stack(columns, axis=1), predictions)

    def explain(self, query: Query, items: Tensor, weights: Tensor) -> Explanation:
        """Each event's part, exactly as it is summed."""
        history = tf.zeros(tf.shape(query.items))
        events, sources = recency(query, self.half_life_events), tf.maximum(query.items, 0)
        for number, targets in enumerate(self.targets):
            if targets is not None:
                is_asked = tf.gather(targets, sources) == items[:, None, None]
                alike = tf.where(is_asked, tf.gather(self.weights[number], sources), 0.0)
                history += weights[:, number, None] * events * tf.reduce_sum(alike, axis=2)
        return of_history(query, history, weighted(self.priors, items, weights))

    def _summed(self, query: Query, number: int) -> Tensor:
        """[b, n] the sum over each history, row by row in a fixed order."""
        places = tf.where(query.items >= 0)
        sources = tf.gather_nd(query.items, places)
        events = tf.gather_nd(recency(query, self.half_life_events), places)
        targets = tf.gather(self.targets[number], sources)
        values = events[:, None] * tf.gather(self.weights[number], sources)
        rows = tf.broadcast_to(tf.cast(places[:, :1], tf.int32), tf.shape(targets))
        shape = tf.stack([tf.shape(query.now)[0], tf.shape(self.priors)[1]])
        return tf.scatter_nd(tf.stack([rows, targets], axis=-1), values, shape)


def learn(
    data: PreparedData,
    params: NeighbourhoodParams,
    until: int,
    nearest: Callable[[RetrievalTask], Nearest],
    chosen: Callable[[RetrievalTask], sparse.csr_array],
) -> Learnt:
    """All that families of this kind share: priors, mean labels and vectors.

    Args:
        data: Prepared tables.
        params: Of the prior.
        until: The fit window ends before this instant, microseconds.
        nearest: Of a task.
        chosen: [users, items] of a task: who chose what.
    """
    means = head_means(data, until).means
    tasks = [task for task in data.prepared.tasks if isinstance(task, RetrievalTask)]
    return Learnt(
        nearest=[
            nearest(task) if isinstance(task, RetrievalTask) else None
            for task in data.prepared.tasks
        ],
        priors=recent_priors(data, means, until, params),
        predictions=means,
        vectors=np.concatenate([cosine_vectors(chosen(task)) for task in tasks], axis=1),
    )


def chosen_by(data: PreparedData, rows: Ints) -> sparse.csr_array:
    """[users, items]: who chose what in these interactions."""
    return who_chose(data.user_start[rows], data.item_rows[rows], len(data.items))


def nearest_of(
    blocks: Iterator[sparse.csr_array], n_items: int, params: NeighbourhoodParams
) -> Nearest:
    """The largest weights of each item, the largest of all scaled to 1; of equals the first.

    Args:
        blocks: [some items, items], one after the other, all of the catalogue.
        n_items: Size of the catalogue.
        params: How many to keep.
    """
    width = max(1, min(params.nearest, n_items, params.max_weights // n_items))
    found = Nearest(np.zeros((n_items, width), np.int64), np.zeros((n_items, width)))
    first = 0
    for block in blocks:
        weights = block.tocoo()
        order = np.lexsort((weights.col, -weights.data, weights.row))
        rows = weights.row[order]
        places = np.arange(len(rows)) - np.searchsorted(rows, rows)
        kept = (places < width) & (weights.data[order] > 0)
        where = (first + rows[kept], places[kept])
        found.items[where] = weights.col[order][kept]
        found.weights[where] = weights.data[order][kept]
        first += block.shape[0]
    largest = max(float(found.weights.max(initial=0.0)), np.finfo(float).tiny)
    used = max(1, int((found.weights > 0).sum(axis=1).max(initial=0)))
    return Nearest(found.items[:, :used], found.weights[:, :used] / largest)


def blocks_of(n_items: int) -> Iterator[slice]:
    """Slices of the catalogue, small enough that their weights for all items fit in memory."""
    return (slice(start, min(start + BLOCK, n_items)) for start in range(0, n_items, BLOCK))


def cosine_vectors(chosen: sparse.csr_array, dim: int = VECTOR_DIM) -> Doubles:
    """[items, dim] whose products come closest to the cosines of the items' columns.

    The leading right singular vectors of the table with columns of length 1 (Eckart and Young,
    1936), by their singular values. Signs are fixed, so that equal data give equal vectors.

    Args:
        chosen: [users, items]; an item without users gets 0.
        dim: At most; the rest is 0.
    """
    counts = np.asarray(chosen.sum(axis=0)).ravel()
    lengths = np.sqrt(np.maximum(counts, 1.0))
    table = chosen @ sparse.diags_array(1.0 / lengths)
    if min(table.shape) <= DENSE_SIDE:
        _, values, vectors = np.linalg.svd(table.toarray(), full_matrices=False)
    else:
        # a fixed start, since the method is iterative
        start = np.ones(min(table.shape))
        _, values, vectors = sparse.linalg.svds(table, k=dim, v0=start)
    leading = np.argsort(-values, kind="stable")[:dim]
    directions = vectors[leading].T * (counts > 0)[:, None]
    signs = np.sign(directions[np.abs(directions).argmax(axis=0), np.arange(len(leading))])
    scaled = directions * signs * values[leading]
    return np.pad(scaled, ((0, 0), (0, dim - len(leading)))).astype(np.float64)
