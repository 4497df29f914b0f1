"""Histories and pages."""

import numpy as np
import pytest

from tests.unit.models.small_data import make_data

# u1: page at 1 with two items, then 5; u2: 2, 3
ROWS = [
    ("u1", "a", 1, 5.0),
    ("u1", "b", 1, 4.0),
    ("u1", "c", 5, None),
    ("u2", "b", 2, 3.0),
    ("u2", "gone", 3, 2.0),
]


@pytest.fixture
def data():
    return make_data(ROWS, cut=3)


def test_siblings_of_a_page_never_see_each_other(data):
    histories = data.histories(np.array([0, 1, 2]), 10)

    assert histories.item_ids.tolist() == [["", ""], ["", ""], ["a", "b"]]


def test_history_is_oldest_first_and_padded_in_front(data):
    histories = data.histories(np.array([2, 4]), 10)

    assert histories.item_ids.tolist() == [["a", "b"], ["", "b"]]
    assert histories.events.tolist() == [["rating", "rating"], ["", "rating"]]
    assert histories.timestamps.tolist() == [[1, 1], [0, 2]]
    np.testing.assert_array_equal(histories.values, [[5, 4], [np.nan, 3]])


def test_history_keeps_the_newest_events_when_cut(data):
    histories = data.histories(np.array([2]), 1)

    assert histories.item_ids.tolist() == [["b"]]


def test_history_starts_with_the_user_and_not_with_the_table(data):
    assert data.history_rows(np.array([3]), 10).shape == (1, 0)
    assert data.history_rows(np.array([4]), 10).tolist() == [[3]]


def test_query_carries_profile_and_moment(data):
    queries = data.queries(np.array([2]), 10, ["age"])

    assert queries.profile.tolist() == [["30"]]
    assert queries.now.tolist() == [5]


@pytest.mark.parametrize(
    ("fields", "profile"),
    [([], []), (["city", "age"], ["", "30"]), (["age", "city"], ["30", ""])],
    ids=["none", "another before", "another after"],
)
def test_profile_is_that_of_the_asked_model_by_name(data, fields, profile):
    queries = data.queries(np.array([2, 3]), 10, fields)

    assert queries.profile.tolist() == [profile, profile]


def test_rows_are_bounded_by_time_and_not_by_place(data):
    assert data.rows(end=3).tolist() == [0, 1, 3]
    assert data.rows(start=3).tolist() == [2, 4]
    assert data.window("train").tolist() == [0, 1, 3]


def test_last_instant_lies_strictly_before_the_end(data):
    assert data.last_instant(3) == 2
    assert data.last_instant(6) == 5


def test_pages_hold_all_interactions_of_one_instant(data):
    pages = data.pages(data.rows(end=3))

    assert pages.start.tolist() == [0, 3]
    assert pages.end.tolist() == [2, 4]
    assert pages.user_start.tolist() == [0, 3]


def test_item_outside_the_snapshot_has_no_row(data):
    assert data.item_rows.tolist() == [0, 1, 2, 1, -1]
