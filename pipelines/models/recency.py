"""A history as weights: the newest event weighs 1, older ones less, by their place."""

from typing import Any

from pipelines.models.engine import tf
from pipelines.models.serving import Query

Tensor = Any


def recency(query: Query, half_life_events: float) -> Tensor:
    """[b, h] float32: 2^(-events since / half-life); 0 where the item is not in the catalogue.

    Items outside the catalogue weigh nothing, but they count as events since.
    """
    weights = tf.pow(2.0, -events_since(query) / half_life_events)
    return tf.where(query.items >= 0, weights, 0.0)


def events_since(query: Query) -> Tensor:
    """[b, h] float32: how many events of the history came after each; 0 for the newest."""
    is_event = tf.cast(query.is_event, tf.float32)
    return tf.cumsum(is_event, axis=1, exclusive=True, reverse=True)


def summed(query: Query, weights: Tensor, of_items: Tensor) -> Tensor:
    """[b, d]: the sum over each history of its items' rows, weighted.

    Row by row in a fixed order, so a row is answered alike in every batch.

    Args:
        query: [b] queries.
        weights: [b, h].
        of_items: [n, d].
    """
    places = tf.where(query.items >= 0)
    items = tf.cast(tf.gather_nd(query.items, places), tf.int64)
    indices = tf.stack([places[:, 0], items], axis=1)
    shape = tf.stack([tf.shape(query.now, tf.int64)[0], tf.shape(of_items, tf.int64)[0]])
    history = tf.SparseTensor(indices, tf.gather_nd(weights, places), shape)
    return tf.sparse.sparse_dense_matmul(history, of_items)
