"""The fold-in against the closed form of the paper."""

import numpy as np
import pytest
from scipy import sparse

from pipelines.models.als.factors import ImplicitFoldIn, item_factors
from pipelines.models.engine import tf
from pipelines.params import Params
from tests.unit.models.small_query import make_query

VECTORS = np.array([[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]])


def make_params(**changes):
    return Params.load().als.model_copy(
        update={"dim": 2, "l2": 0.5, "confidence": 3.0, "half_life_events": 1.0} | changes
    )


def preferences(history, params=None):
    fold_in = ImplicitFoldIn(VECTORS, params or make_params())
    return fold_in.preferences(make_query(history)).numpy()[0]


def test_one_event_is_the_papers_closed_form():
    found = preferences([2])

    # eq. (4): (Y'CY + l2 I)^-1 Y'C p, where C is 1 + 3 for the chosen item and 1 for the others
    confidence = np.diag([1.0, 1.0, 4.0])
    left = VECTORS.T @ confidence @ VECTORS + 0.5 * np.eye(2)
    expected = VECTORS @ np.linalg.solve(left, VECTORS.T @ confidence @ [0, 0, 1.0])
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_an_older_event_is_half_chosen():
    found = preferences([0, 2])

    # item 0 weighs 1/2: half of its cost is that of a choice, half that of none
    confidence, wanted = np.diag([0.5 * 1 + 0.5 * 4, 1.0, 4.0]), [0.5 * 4, 0, 4.0]
    left = VECTORS.T @ confidence @ VECTORS + 0.5 * np.eye(2)
    np.testing.assert_allclose(
        found, VECTORS @ np.linalg.solve(left, VECTORS.T @ wanted), rtol=1e-5
    )


def test_unknown_items_and_nothing_prefer_nothing():
    assert not preferences([]).any()
    assert not preferences([-1]).any()


@pytest.mark.parametrize("item", [0, 1, 2])
def test_contributions_add_up_to_the_preference(item):
    query, fold_in = make_query([0, -1, 2, 0, 1]), ImplicitFoldIn(VECTORS, make_params())

    told = fold_in.contributions(query, tf.constant([item])).numpy()[0]

    assert told[1] == 0
    assert told.sum() == pytest.approx(fold_in.preferences(query).numpy()[0, item], rel=1e-5)


def test_factors_find_who_chooses_together_and_are_equal_for_equal_data():
    random = np.random.default_rng(2)
    group = np.arange(60) % 2
    chosen = random.random((60, 9)) < np.where(group[:, None] == np.arange(9) % 2, 0.7, 0.05)
    chosen[:, 8] = False
    table, params = sparse.csr_array(chosen.astype(float)), make_params(dim=4, rounds=8)

    found, again = (item_factors(table, params, seed=1) for _ in range(2))

    np.testing.assert_array_equal(found, again)
    assert not found[8].any()
    directions = found[:8] / np.linalg.norm(found[:8], axis=1, keepdims=True)
    cosines = directions @ directions.T
    assert cosines[0, 2::2].min() > cosines[0, 1::2].max()
