from dataclasses import replace

import numpy as np
import pytest

from pipelines.measures.protocols import Questions, live
from tests.unit.small_tables import FixedOrder, make_data

ITEMS = ["1", "2", "3", "4"]
ROWS = [
    ("a", 1, "1", 5.0),
    ("a", 9, "2", 4.0),  # a page of two
    ("a", 9, "3", 2.0),
    ("b", 9, "4", 3.0),
    ("b", 10, "gone", 3.0),  # not in the catalogue
]


@pytest.fixture
def data():
    return make_data(ROWS, ITEMS, validation_cut=5, test_cut=9)


def ask(model, data, k=2, batch=10):
    return live(model, Questions(data, data.window("test"), k, batch))


def test_seen_items_are_masked_and_siblings_of_the_page_stay_in(data):
    answers = ask(FixedOrder(ITEMS), data)

    # user a has seen 1, so the slate of the page is 2, 3: places 1 and 2; b gets 1, 2 and misses 4
    assert list(answers.rows) == [1, 2, 3, 4]
    assert list(answers.ranks) == [1, 2, 0, 0]
    assert answers.slates.tolist() == [[1, 2], [0, 1], [0, 1]]
    assert answers.forbidden == 0


def test_what_may_be_chosen_again_still_competes(data):
    again = replace(data, prepared=data.prepared.model_copy(update={"repeats": True}))

    answers = ask(FixedOrder(ITEMS), again)

    # every slate is 1, 2: user a's page of 2 and 3 finds 2, in the second place
    assert list(answers.ranks) == [2, 0, 0, 0]
    assert answers.slates.tolist() == [[0, 1]] * 3
    assert answers.forbidden == 0


def test_a_page_is_one_request_with_a_strictly_earlier_history(data):
    model = FixedOrder(ITEMS)

    ask(model, data)

    queries = model.asked[0]
    histories = [[item for item in row if item] for row in queries.histories.item_ids]
    # in order of page size: b's two pages, then a's page of two
    assert list(queries.now) == [9, 10, 9]
    assert histories == [[], ["4"], ["1"]]


def test_a_model_is_told_the_profile_fields_of_its_own_manifest(data):
    model = FixedOrder(ITEMS)
    model.manifest = model.manifest.model_copy(update={"profile_fields": ["gone", "gender"]})

    ask(model, data)

    # in order of page size: b's two pages, then a's
    assert model.asked[0].profile.tolist() == [["", "F"]] * 3


@pytest.mark.parametrize("batch", [1, 2, 100])
def test_answers_do_not_depend_on_the_batch(data, batch):
    answers = ask(FixedOrder(ITEMS), data, batch=batch)

    assert list(answers.ranks) == [1, 2, 0, 0]


def test_an_item_that_the_model_does_not_know_is_a_miss(data):
    answers = ask(FixedOrder(["1", "3"]), data)

    # the older model knows neither 2 nor 4 nor "gone"; its slates are named in our catalogue's rows
    assert list(answers.ranks) == [0, 1, 0, 0]
    assert answers.slates.tolist() == [[2, -1], [0, 2], [0, 2]]


def test_a_model_that_ignores_its_mask_is_caught(data):
    answers = ask(FixedOrder(ITEMS, ignores_mask=True), data)

    assert answers.forbidden == 1  # item 1, which user a has seen


def test_predictions_are_those_of_the_chosen_item(data):
    model = FixedOrder(ITEMS, {"2": (0.9, 4.5), "3": (0.2, 2.5), "4": (0.5, 3.0)})

    answers = ask(model, data)

    wanted = [[0.9, 4.5], [0.2, 2.5], [0.5, 3.0], [np.nan, np.nan]]
    assert np.allclose(answers.predictions, wanted, equal_nan=True)
