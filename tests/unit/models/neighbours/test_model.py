"""Similarities by hand."""

import numpy as np
import pytest
from scipy import sparse

from pipelines.models.neighbours.model import similarities
from pipelines.sections import NeighboursParams

CHOSEN = sparse.csr_array(np.array([[1.0, 1, 0], [1, 1, 1], [1, 0, 0], [1, 0, 0]]))
"""Counts 4, 2 and 1; four users with 2, 3, 1 and 1 items."""


def similar(repeats=False, **changes):
    params = NeighboursParams(
        **{
            "neighbours": 9,
            "shrinkage": 0.0,
            "target_exponent": 0.5,
            "user_exponent": 0.0,
            "half_life_events": 1.0,
            "max_history": 9,
            "prior_half_life_days": 1.0,
            "prior_weight": 1.0,
        }
        | changes
    )
    return sparse.vstack(list(similarities(CHOSEN, params, repeats))).toarray()


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # two have the first and second item, one the third as well
        pytest.param({}, [2 / 8**0.5, 1 / 4**0.5, 1 / 2**0.5], id="cosine"),
        pytest.param({"shrinkage": 3.0}, [2 / (3 + 8**0.5), 1 / 5, 1 / (3 + 2**0.5)], id="shrunk"),
        # from an item of the history (row) to the one scored (column): the latter's count alone
        pytest.param({"target_exponent": 1.0}, [2 / 2, 1 / 1, 1 / 1], id="by the scored item"),
        pytest.param(
            {"user_exponent": 1.0},
            [(1 / 2 + 1 / 3) / 8**0.5, 1 / 3 / 4**0.5, 1 / 3 / 2**0.5],
            id="broad users count less",
        ),
    ],
)
def test_similarity_is_who_chose_both_by_the_counts(changes, expected):
    found = similar(**changes)

    np.testing.assert_allclose([found[0, 1], found[0, 2], found[1, 2]], expected)
    assert not np.diag(found).any()


@pytest.mark.parametrize(("repeats", "own"), [(False, 0.0), (True, 1.0)])
def test_an_item_is_like_itself_only_where_items_are_chosen_again(repeats, own):
    np.testing.assert_allclose(np.diag(similar(repeats=repeats)), own)
