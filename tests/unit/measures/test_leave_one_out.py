import numpy as np
import pytest

from pipelines.measures.leave_one_out import leave_one_out
from pipelines.measures.protocols import Questions, live
from tests.unit.small_tables import FixedOrder, make_data

ITEMS = ["1", "2", "3", "4"]
ROWS = [
    ("a", 1, "1", 5.0),
    ("a", 9, "2", 4.0),
    ("a", 9, "3", 2.0),  # one page with the event before it
    ("b", 2, "4", 3.0),  # this user's only event
    ("c", 3, "2", 3.0),
    ("c", 4, "1", 3.0),
]


@pytest.fixture
def held_out():
    return leave_one_out(make_data(ROWS, ITEMS, validation_cut=3, test_cut=9))


def test_the_last_event_of_every_user_is_asked_about(held_out):
    asked = held_out.asked.interactions.iloc[held_out.rows]

    assert list(zip(asked["user_id"], asked["item_id"], strict=True)) == [
        ("a", "3"),
        ("b", "4"),
        ("c", "1"),
    ]


def test_the_fit_knows_all_but_the_last_events(held_out):
    fit = held_out.fit

    assert list(fit.interactions["item_id"]) == ["1", "2", "2"]
    assert list(fit.interactions["user_id"]) == ["a", "a", "c"]
    assert len(fit.rows(end=held_out.until)) == len(fit.window("train")) == 3
    assert len(fit.window("validation")) == len(fit.window("test")) == 0
    assert fit.prepared.fit_cut == held_out.until


def test_histories_of_the_fit_are_as_before(held_out):
    histories = held_out.fit.histories(np.arange(3), 5)

    assert [[item for item in row if item] for row in histories.item_ids] == [[], ["1"], []]


def test_an_earlier_row_of_the_same_instant_is_in_the_history(held_out):
    model = FixedOrder(ITEMS)

    live(model, Questions(held_out.asked, held_out.rows, k=2, batch=9))

    histories = model.asked[0].histories.item_ids
    assert [[item for item in row if item] for row in histories] == [["1", "2"], [], ["2"]]


def test_what_the_history_holds_is_not_recommended(held_out):
    answers = live(FixedOrder(ITEMS), Questions(held_out.asked, held_out.rows, k=2, batch=9))

    # a has seen 1, 2: slate 3, 4; b nothing: 1, 2; c 2: 1, 3
    assert list(answers.ranks) == [1, 0, 1]


def test_the_given_tables_stay_as_they_are():
    data = make_data(ROWS, ITEMS, validation_cut=3, test_cut=9)
    before = data.interactions.copy()

    leave_one_out(data)

    assert data.interactions.equals(before)
