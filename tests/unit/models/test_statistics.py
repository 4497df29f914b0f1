"""Item statistics, by hand."""

import numpy as np

from pipelines.models.statistics import (
    decayed_counts,
    head_means,
    most_chosen,
    recent_share,
    standardised,
    task_rows,
)
from tests.unit.models.small_data import DAY_US, LIKE, WATCH, make_data


def test_event_counts_half_after_one_half_life():
    data = make_data([("u", "a", 0, 5.0), ("v", "b", 2 * DAY_US, 5.0), ("v", "a", 4 * DAY_US, 1.0)])

    counts = decayed_counts(data, WATCH, 4 * DAY_US, half_life_days=2.0)

    # a: age 4 days = 2 half-lives: 1/4; its second event is not before the end; b: 1/2; c: none
    np.testing.assert_allclose(counts, [0.25, 0.5, 0.0])


def test_recent_share_is_that_of_the_largest():
    data = make_data([("u", "a", 0, 5.0), ("v", "b", 2 * DAY_US, 5.0)])

    shares = recent_share(data, WATCH, 4 * DAY_US, half_life_days=2.0)
    none = recent_share(data, WATCH, 0, half_life_days=2.0)

    # 1/4 and 1/2 of an event
    np.testing.assert_allclose(shares, [0.5, 1.0, 0.0])
    assert none.tolist() == [0, 0, 0]


def test_each_task_has_a_row_in_the_order_of_the_descriptor():
    data = make_data([("u", "a", 1, 5.0)], tasks=(LIKE, WATCH))
    means = np.array([[1.0], [0.0], [0.5]])

    rows = task_rows(data, means, lambda task: np.array([7.0, 8.0, 9.0]))

    np.testing.assert_allclose(rows, [standardised(means)[:, 0], [7, 8, 9]])


def test_item_means_are_shrunk_to_the_base_rate_by_five_labels():
    data = make_data(
        [("u", "a", 1, 5.0), ("v", "a", 2, 5.0), ("w", "b", 3, 2.0), ("x", "b", 4, None)]
    )

    means, base = head_means(data, until=10)

    # like: base 2/3; a (2 + 5 * 2/3) / 7, b (0 + 5 * 2/3) / 6, c the base rate itself
    np.testing.assert_allclose(base, [2 / 3, 4.0])
    np.testing.assert_allclose(means[:, 0], [16 / 21, 10 / 18, 2 / 3])
    np.testing.assert_allclose(means[:, 1], [(10 + 20) / 7, (2 + 20) / 6, 4.0])


def test_labels_after_the_end_of_the_fit_do_not_count():
    data = make_data([("u", "a", 1, 5.0), ("v", "a", 7, 1.0)])

    assert head_means(data, until=7).base.tolist() == [1.0, 5.0]


def test_constant_column_is_standardised_to_zero():
    columns = standardised(np.array([[1.0, 3.0], [1.0, 5.0]]))

    np.testing.assert_allclose(columns, [[0, -1], [0, 1]])


def test_the_most_chosen_are_kept_in_the_order_of_the_catalogue():
    assert most_chosen(np.bincount([3, 1, 3, 0, 0, 5]), 3).tolist() == [0, 1, 3]
    assert most_chosen(np.bincount([3, 1, 3]), 9).tolist() == [1, 3]
