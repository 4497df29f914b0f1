"""Weights of a history, by hand."""

import numpy as np

from pipelines.models.engine import tf
from pipelines.models.recency import recency, summed
from pipelines.models.serving import Query


def make_query(items, is_event):
    nothing = tf.zeros([len(items), 0])
    return Query(
        item_ids=nothing,
        items=tf.constant(items, tf.int32),
        is_event=tf.constant(is_event),
        events=nothing,
        values=nothing,
        timestamps=nothing,
        profile=nothing,
        now=tf.zeros([len(items)], tf.int64),
    )


# padding, then an item, an unknown item, an item; and a row of padding alone
QUERY = make_query([[-1, 2, -1, 0], [-1, -1, -1, -1]], [[False, True, True, True], [False] * 4])


def test_newest_event_weighs_one_and_unknown_items_nothing():
    weights = recency(QUERY, 2.0).numpy()

    # two events came after the first: one half-life
    np.testing.assert_allclose(weights, [[0, 0.5, 0, 1], [0, 0, 0, 0]])


def test_rows_of_items_are_summed_by_weight():
    of_items = tf.constant([[1.0, 10.0], [2.0, 20.0], [3.0, 30.0]])

    sums = summed(QUERY, tf.constant([[9.0, 0.5, 9.0, 1.0], [9.0] * 4]), of_items).numpy()

    # half of row 2 and all of row 0; what is not in the catalogue adds nothing
    np.testing.assert_allclose(sums, [[2.5, 25.0], [0, 0]])


def test_repeated_item_counts_each_time():
    query = make_query([[1, 1]], [[True, True]])

    sums = summed(query, recency(query, 1.0), tf.constant([[0.0], [2.0]])).numpy()

    assert sums.tolist() == [[3.0]]
