from dataclasses import replace

import numpy as np
import pytest

from pipelines.descriptors import AtLeast, RetrievalTask, Rule
from pipelines.measures.protocols import Questions, live, window
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


def test_a_history_is_told_oldest_first_with_what_belongs_to_each_item():
    rows = [("a", 1, "3", 5.0), ("a", 2, "1", 4.0), ("a", 3, "2", 1.0), ("a", 9, "4", 2.0)]
    model = FixedOrder(ITEMS)

    ask(model, make_data(rows, ITEMS, validation_cut=5, test_cut=9))

    told = model.asked[0].histories
    assert told.item_ids.tolist() == [["3", "1", "2"]]
    assert told.values.tolist() == [[5.0, 4.0, 1.0]]
    assert told.timestamps.tolist() == [[1, 2, 3]]


def test_ids_and_not_rows_say_which_item_is_meant(data):
    answers = ask(FixedOrder(["4", "2", "3", "1"]), data)

    # in this model's order: a has seen 1, so 4, 2; b at 9: 4, 2; b at 10 has seen 4: 2, 3
    assert list(answers.ranks) == [2, 0, 1, 0]
    assert answers.slates.tolist() == [[3, 1], [3, 1], [1, 2]]


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


class Constant(FixedOrder):
    """Says the same of every item, so that the manifest's order makes its slates."""

    def recommend(self, queries, allow, k):
        slates = super().recommend(queries, allow, k)
        return replace(slates, scores=np.where(np.isfinite(slates.scores), 0, slates.scores))


@pytest.fixture
def crowd():
    """500 users who choose one of the first two items of twenty, and nothing else."""
    items = [f"{number:02d}" for number in range(20)]
    rows = [("a", 1, "19", 3.0)]
    rows += [(f"u{number:03d}", 9, items[number % 2], 3.0) for number in range(500)]
    return make_data(rows, items, validation_cut=5, test_cut=9)


def test_a_constant_model_does_not_profit_from_the_order_of_the_catalogue(crowd):
    answers = ask(Constant(crowd.item_ids), crowd, k=2)

    # two places for twenty equals: .1, standard error sqrt(.1 * .9 / 500) = .013
    assert (answers.ranks > 0).mean() == pytest.approx(0.1, abs=0.04)
    assert (answers.slates == [0, 1]).all()  # as served


def test_a_constant_model_does_not_profit_in_one_slate_per_user_either(crowd):
    answers = window(Constant(crowd.item_ids), Questions(crowd, crowd.window("test"), 2, 100))

    assert answers.hits.any(axis=1).mean() == pytest.approx(0.1, abs=0.04)


class Tied(FixedOrder):
    """Its first two items are equal; all else has a score of its own."""

    def recommend(self, queries, allow, k):
        slates = super().recommend(queries, allow, k)
        return replace(slates, scores=np.maximum(slates.scores, -np.inf) - (slates.scores == 0))


def test_equals_within_a_slate_take_each_place_as_often(crowd):
    answers = ask(Tied(crowd.item_ids), crowd, k=2)

    # standard error sqrt(.25 / 500) = .022
    assert (answers.ranks == 1).mean() == pytest.approx(0.5, abs=0.07)
    assert (answers.ranks > 0).all()


def test_one_slate_per_user_answers_for_all_of_the_window(data):
    model = FixedOrder(ITEMS)

    answers = window(model, Questions(data, data.window("test"), 2, 10))

    # a has seen 1 and is shown 2, 3; b has seen nothing and is shown 1, 2 against 4 and "gone"
    assert list(answers.rows) == [1, 3]
    assert answers.hits.tolist() == [[True, True], [False, False]]
    assert list(answers.relevant) == [2, 2]
    assert answers.slates.tolist() == [[1, 2], [0, 1]]


def test_every_user_is_asked_about_at_the_instant_that_the_window_begins():
    rows = [("a", 1, "1", 5.0), ("a", 9, "2", 4.0), ("b", 8, "1", 5.0), ("b", 12, "2", 4.0)]
    data = make_data(rows, ITEMS, validation_cut=5, test_cut=9)
    model = FixedOrder(ITEMS)

    window(model, Questions(data, data.window("test"), 2, 10))

    assert list(model.asked[0].now) == [9, 9]
    assert model.asked[0].histories.item_ids.tolist() == [["1"], ["1"]]


def test_an_item_that_is_chosen_twice_in_a_window_is_one_relevant_item():
    rows = [("a", 1, "1", 5.0), ("a", 9, "2", 4.0), ("a", 10, "2", 4.0), ("a", 11, "1", 4.0)]
    data = make_data(rows, ITEMS, validation_cut=5, test_cut=9)

    answers = window(FixedOrder(ITEMS), Questions(data, data.window("test"), 3, 10))

    # 2 is found; 1 was seen before the window, is not shown again and counts as a miss
    assert list(answers.relevant) == [2]
    assert answers.hits.tolist() == [[True, False, False]]


def test_a_user_without_a_positive_in_the_window_is_not_asked_about(data):
    rule = Rule(value=AtLeast(at_least=3.5))
    tasks = [RetrievalTask(name="watch", kind="retrieval", positive=rule), *data.prepared.tasks[1:]]
    liked = replace(data, prepared=data.prepared.model_copy(update={"tasks": tasks}))

    answers = window(FixedOrder(ITEMS), Questions(liked, liked.window("test"), 2, 10))

    assert list(answers.rows) == [1]
    assert list(answers.relevant) == [1]  # 2, and not 3


def test_no_positive_at_all_leaves_nobody_to_ask_about(data):
    rule = Rule(event="purchase")
    tasks = [RetrievalTask(name="buy", kind="retrieval", positive=rule), *data.prepared.tasks[1:]]
    unsold = replace(data, prepared=data.prepared.model_copy(update={"tasks": tasks}))

    answers = window(FixedOrder(ITEMS), Questions(unsold, unsold.window("test"), 2, 10))

    assert len(answers.rows) == 0
