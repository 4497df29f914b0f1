"""One query by the rows of its history, as a scorer gets it."""

import numpy as np

from pipelines.models.engine import tf
from pipelines.models.serving import Query


def make_query(items, values=None, events=None):
    """A history of catalogue rows, oldest first; -1 = not in the catalogue."""
    shape = (1, len(items))
    values = np.full(shape, np.nan) if values is None else np.array([values])
    return Query(
        item_ids=tf.fill(shape, "x"),
        items=tf.constant([items], tf.int32, shape),
        is_event=tf.ones(shape, tf.bool),
        events=tf.constant([events or ["rating"] * len(items)], tf.string, shape),
        values=tf.constant(values, tf.float32, shape),
        timestamps=tf.zeros(shape, tf.int64),
        profile=tf.zeros([1, 0], tf.string),
        now=tf.constant([9], tf.int64),
    )
