"""What is counted, without whom, and how it reaches the logits."""

import numpy as np

from pipelines.models.engine import tf
from pipelines.models.multitask.memory import (
    KINDS,
    RULE_SHRINKAGE,
    Memory,
    count,
    deal,
    places_of,
    successions,
    without,
)
from pipelines.models.multitask.towers import Inputs, Sizes
from pipelines.models.statistics import most_chosen
from tests.unit.models.small_data import make_data

# u: a and b at one instant, then c, then a again; v: c alone
ROWS = [
    ("u", "a", 1, None),
    ("u", "b", 1, None),
    ("u", "c", 2, None),
    ("u", "a", 3, None),
    ("v", "c", 4, None),
]


def test_successions_count_later_pages_of_one_user_by_their_distance():
    data = make_data(ROWS)

    shares = successions(data, data.rows(), np.arange(3))

    a, b, c = range(3)
    # after a: c a page later, a two pages later; the page itself and another user count nothing
    after_a = np.array([0.5, 0.0, 1.0])
    np.testing.assert_allclose(shares[a], after_a / (after_a.sum() + RULE_SHRINKAGE))
    np.testing.assert_allclose(shares[b], after_a / (after_a.sum() + RULE_SHRINKAGE))
    np.testing.assert_allclose(shares[c], np.array([1.0, 0, 0]) / (1.0 + RULE_SHRINKAGE))


def test_fold_reads_nothing_that_its_own_users_did():
    """Would catch counts that had seen the page that reads them."""
    users = [
        (f"u{i}", item, moment, None) for i in range(4) for moment, item in ((1, "a"), (2, "b"))
    ]
    data = make_data([*users, ("u9", "a", 1, None), ("u9", "c", 2, None)])
    folds = deal(data, 5)
    rows = data.rows()

    counted = count(data, without(rows, folds, 5), np.arange(3), 1.0)

    own = int(folds[data.user_start == data.user_start[-1]][0])
    a, c = 0, 2
    assert counted.shape == (6, KINDS, 3, 3)
    assert (counted[0, :, a, c] != 0).all()
    assert (counted[own, :, a, c] == 0).all()
    assert all((counted[fold, :, a, c] != 0).all() for fold in range(1, 6) if fold != own)


def test_memory_adds_a_row_of_weights_for_each_event_the_newest_counting_most():
    memory = Memory(_sizes(), np.arange(3))
    counted = np.zeros((KINDS, 3, 3), dtype=np.float32)
    counted[0, 0, 2], counted[0, 1, 2] = 1.0, 10.0

    added = memory(_inputs([[-1, 0, 1]]), tf.zeros([1, 2]), tf.constant(counted))

    # the scale starts at e; an event one place back weighs 2^(-1/5)
    np.testing.assert_allclose(added, [[0, 0, np.e * (10.0 + 2 ** (-1 / 5))]], rtol=1e-5)


def test_memory_of_no_history_adds_nothing():
    memory = Memory(_sizes(), np.arange(3))

    added = memory(_inputs([[-1, -1, -1]]), tf.zeros([1, 2]), tf.ones([KINDS, 3, 3]))

    assert added.numpy().tolist() == [[0.0, 0.0, 0.0]]


def _sizes():
    return Sizes(
        dim=4,
        max_history=3,
        n_kinds=1,
        n_profile_codes=1,
        value_edges=[],
        dropout=0.0,
        item_dropout=0.0,
        n_tasks=1,
        n_experts=1,
        until=0,
    )


def _inputs(items):
    items = np.array(items)
    return Inputs(
        items=tf.constant(items, tf.int32),
        is_event=tf.constant(items >= 0),
        kinds=tf.ones(items.shape, tf.int32),
        values=tf.fill(items.shape, np.float32(np.nan)),
        timestamps=tf.zeros(items.shape, tf.int64),
        profile=tf.zeros([len(items), 0], tf.int32),
        now=tf.zeros([len(items)], tf.int64),
    )


def test_only_the_most_chosen_are_remembered_and_others_get_nothing():
    memory = Memory(_sizes(), places_of(most_chosen(np.array([5.0, 0.0, 7.0, 9.0]), 2), 4))

    added = memory.spread(tf.constant([[2.0, 3.0]]), tf.constant([3, 0, 2]))

    # rows 2 and 3 are the most chosen
    assert added.numpy().tolist() == [[3.0, 0.0, 2.0]]


def test_event_that_is_not_remembered_counts_no_more_than_padding():
    memory = Memory(_sizes(), np.array([-1, 0, 1]))

    added = memory(_inputs([[1, 0, 0]]), tf.zeros([1, 2]), tf.ones([KINDS, 2, 2]))

    # the one event that is known is two places back
    np.testing.assert_allclose(added, [[2 * np.e * 2 ** (-2 / 5)] * 2], rtol=1e-5)
