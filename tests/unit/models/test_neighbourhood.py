"""Sparse weights by hand: what is kept, what is summed, and vectors without a square table."""

import numpy as np
import pytest
from scipy import sparse

from pipelines.models.ease import gram, item_vectors
from pipelines.models.engine import tf
from pipelines.models.neighbourhood import (
    Learnt,
    Nearest,
    NeighbourhoodScorer,
    chosen_by,
    cosine_vectors,
    nearest_of,
)
from pipelines.sections import NeighbourhoodParams
from tests.unit.models.small_data import make_data
from tests.unit.models.small_query import make_query

PRIORS = np.array([[0.3, 0.2, 0.1], [7.0, 8.0, 9.0]])


def make_scorer():
    # 0 leads to 1 and 2, 1 to 2, and 2 to nothing
    nearest = Nearest(np.array([[1, 2], [2, 0], [0, 0]]), np.array([[1, 0.5], [0.25, 0], [0, 0]]))
    learnt = Learnt([nearest, None], PRIORS, np.zeros((3, 1)), np.zeros((3, 2)))
    return NeighbourhoodScorer(learnt, half_life_events=1.0)


def keeping(nearest, max_weights):
    return NeighbourhoodParams(
        nearest=nearest,
        max_weights=max_weights,
        half_life_events=1.0,
        max_history=9,
        prior_half_life_days=1.0,
        prior_weight=1.0,
    )


@pytest.mark.parametrize(
    ("history", "added"),
    [
        ([], [0, 0, 0]),
        ([0], [0, 1, 0.5]),
        ([0, 1], [0, 0.5, 0.25 + 0.25]),
        # the unknown item weighs nothing, and makes what is before it older
        ([0, -1], [0, 0.5, 0.25]),
        ([0, 0], [0, 1.5, 0.75]),
    ],
    ids=lambda value: "-".join(map(str, value)),
)
def test_score_is_the_sum_of_what_each_event_leads_to(history, added):
    components = make_scorer().answer(make_query(history)).components.numpy()[0]

    np.testing.assert_allclose(components, [PRIORS[0] + added, PRIORS[1]], rtol=1e-6)


@pytest.mark.parametrize("item", [0, 1, 2])
def test_contributions_of_the_events_add_up_to_the_score(item):
    scorer, query = make_scorer(), make_query([0, 1, -1, 0, 2])

    told = scorer.explain(query, tf.constant([item]), tf.constant([[2.0, 1.0]]))

    score = scorer.answer(query).components.numpy()[0, :, item] @ [2.0, 1.0]
    assert told.base.numpy()[0] + told.history.numpy().sum() == pytest.approx(score, rel=1e-6)


def test_the_largest_weights_of_each_item_are_kept_and_scaled():
    weights = np.array([[0, 2.0, 4.0, 2.0], [1.0, 0, 0, 0], [0, 0, 0, 0], [1.0, 3.0, 0, 8.0]])
    blocks = (sparse.csr_array(weights[part]) for part in (slice(0, 2), slice(2, 4)))

    kept = nearest_of(blocks, 4, keeping(nearest=2, max_weights=99))

    dense = np.zeros((4, 4))
    np.add.at(dense, (np.arange(4)[:, None], kept.items), kept.weights)
    # of the two that weigh 2, the first
    expected = [[0, 0.25, 0.5, 0], [0.125, 0, 0, 0], [0, 0, 0, 0], [0, 0.375, 0, 1.0]]
    np.testing.assert_array_equal(dense, expected)


@pytest.mark.parametrize(("max_weights", "width"), [(99, 3), (8, 2), (1, 1)])
def test_a_large_catalogue_keeps_fewer_of_each_item(max_weights, width):
    everything = iter([sparse.csr_array(np.ones((4, 4)))])

    assert nearest_of(everything, 4, keeping(3, max_weights)).items.shape == (4, width)


def test_no_weights_at_all_are_zeros():
    kept = nearest_of(iter([sparse.csr_array((3, 3))]), 3, keeping(2, 99))

    assert not kept.weights.any()


def test_a_user_chooses_an_item_once_however_often():
    data = make_data([("u", "a", 1, 5.0), ("u", "a", 2, 5.0), ("v", "c", 3, 5.0)])

    chosen = chosen_by(data, np.arange(3))

    assert chosen.toarray().tolist() == [[1, 0, 0], [0, 0, 1]]


@pytest.mark.parametrize("n_users", [40, 400], ids=["as a whole", "by iteration"])
def test_vectors_have_the_cosines_of_the_square_tables_eigenvectors(n_users):
    random = np.random.default_rng(1)
    # a few groups of items, so that there are leading directions
    taste = random.integers(0, 5, n_users)
    chosen = random.random((n_users, 300)) < np.where(
        taste[:, None] == np.arange(300)[None] % 5, 0.3, 0.02
    )
    chosen[:, 7] = False
    users, items = np.nonzero(chosen)

    found = cosine_vectors(sparse.csr_array(chosen.astype(float)), dim=5)

    expected = item_vectors(gram(users, items, 300), dim=5)
    assert found.shape == (300, 5)
    assert not found[7].any()
    np.testing.assert_allclose(found @ found.T, expected @ expected.T, atol=1e-6)
