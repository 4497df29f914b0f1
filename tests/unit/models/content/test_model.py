"""The scorer by hand, and its reading of likes against its twin in NumPy."""

import numpy as np
import pytest

from pipelines.descriptors import AtLeast, BinaryTask, Rule
from pipelines.models.content.model import SHORTEST, ContentScorer, distinct_rows
from pipelines.models.tasks import labels
from pipelines.params import ContentParams
from tests.unit.models.small_data import LIKE, WATCH
from tests.unit.models.small_query import make_query

VECTORS = np.array([[1.0, 0.0], [0.6, 0.8], [0.0, 1.0]])
PRIORS = np.array([[0.3, 0.2, 0.1]])


def make_params(**changes):
    weights = {"category": 1.0, "tags": 1.0, "number": 1.0, "text": 1.0}
    fields = {
        "max_history": 9,
        "half_life_events": 1.0,
        "disliked_weight": -0.5,
        "kind_weights": weights,
        "prior_half_life_days": 1.0,
        "prior_weight": 1.0,
    }
    return ContentParams.model_validate({**fields, **changes})


def make_scorer(tasks=(WATCH, LIKE), vectors=VECTORS, **changes):
    priors = np.concatenate([PRIORS, np.full((len(tasks) - 1, 3), 7.0)])
    predictions = np.zeros((3, len(tasks) - 1))
    return ContentScorer(vectors, priors, predictions, list(tasks), make_params(**changes))


def test_score_is_the_cosine_with_the_history_plus_the_prior():
    components = make_scorer().answer(make_query([0, 2])).components.numpy()

    # profile: half of (1, 0) and (0, 1), so (.5, 1) / sqrt 1.25; a head adds its mean alone
    profile = np.array([0.5, 1.0]) / np.sqrt(1.25)
    np.testing.assert_allclose(components[0, 0], VECTORS @ profile + PRIORS[0], rtol=1e-6)
    np.testing.assert_allclose(components[0, 1], [7, 7, 7])


def test_disliked_event_pushes_away():
    components = make_scorer().answer(make_query([0, 2], [5.0, 1.0])).components.numpy()

    # half of (1, 0) minus half of (0, 1)
    profile = np.array([1.0, -1.0]) / np.sqrt(2)
    np.testing.assert_allclose(components[0, 0], VECTORS @ profile + PRIORS[0], rtol=1e-6)


@pytest.mark.parametrize("items", [[], [-1, -1]], ids=["empty", "unknown items"])
def test_without_a_known_item_the_prior_is_all(items):
    components = make_scorer().answer(make_query(items)).components.numpy()

    np.testing.assert_allclose(components[0, 0], PRIORS[0], rtol=1e-6)


def test_items_with_equal_features_share_a_row_and_are_still_scored_one_by_one():
    vectors = VECTORS[[2, 0, 2]]

    kinds, places = distinct_rows(vectors)
    scorer = make_scorer(vectors=vectors)
    components = scorer.answer(make_query([0, 2, 1])).components.numpy()

    assert kinds.tolist() == [[0.0, 1.0], [1.0, 0.0]]
    assert places.tolist() == [0, 1, 0]
    np.testing.assert_array_equal(scorer.vectors, vectors)
    # profile: (0, 1) twice, at a quarter and at a half, and all of (1, 0)
    profile = np.array([1.0, 0.75]) / 1.25
    np.testing.assert_allclose(components[0, 0], vectors @ profile + PRIORS[0], rtol=1e-6)


def test_unknown_item_counts_as_an_event_since():
    scorer = make_scorer()

    between = scorer.answer(make_query([0, -1, 2])).components.numpy()

    # the first event is now two half-lives back: (.25, 1)
    profile = np.array([0.25, 1.0]) / np.sqrt(1.0625)
    np.testing.assert_allclose(between[0, 0], VECTORS @ profile + PRIORS[0], rtol=1e-6)


def test_profile_that_nearly_cancels_out_is_not_stretched():
    # half of (1, 0) minus nearly half of it: a profile of a tenth of SHORTEST
    weight = -0.5 + SHORTEST / 10
    scorer = make_scorer(disliked_weight=weight)

    components = scorer.answer(make_query([0, 0], [5.0, 1.0])).components.numpy()

    np.testing.assert_allclose(components[0, 0], 0.1 * VECTORS[:, 0] + PRIORS[0], rtol=1e-4)


def test_likes_in_the_graph_are_those_in_numpy():
    task = BinaryTask(
        name="good_buy", kind="binary", label=Rule(event="buy", value=AtLeast(at_least=4.0))
    )
    events = ["buy", "buy", "buy", "view", "view", "buy"]
    values = [5.0, 4.0, 3.0, 5.0, np.nan, np.nan]

    weights = make_scorer((WATCH, task))._liking(make_query([0] * 6, values, events)).numpy()

    wanted, known = labels(task, np.array(events, dtype=object), np.array(values, np.float32))
    assert weights[0].tolist() == np.where(known & (wanted == 0), -0.5, 1.0).tolist()


def test_task_without_a_value_says_nothing_of_likes():
    bought = BinaryTask(name="bought", kind="binary", label=Rule(event="buy"))

    weights = make_scorer((WATCH, bought))._liking(make_query([0], [1.0], ["view"])).numpy()

    assert weights.tolist() == [[1.0]]
