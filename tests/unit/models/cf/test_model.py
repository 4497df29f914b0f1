"""Which items have weights for each other, and what is added where items are chosen again."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.models.cf.model import CfScorer, Fading, ItemWeights, fit
from pipelines.models.engine import tf
from pipelines.params import Params
from tests.unit.models.small_data import WATCH, make_data
from tests.unit.models.small_query import make_query

WEIGHTS = np.array([[0.0, 0.5], [0.25, 0.0]])
"""Of the items 0 and 2; item 1 has none."""
PRIORS = np.array([[0.3, 0.2, 0.1]])


def make_scorer(repeat_weight):
    fading = Fading(1.0, repeat_weight, repeat_half_life_events=2.0)
    places, vectors = np.array([0, 2, 1]), np.zeros((3, 2))
    return CfScorer(
        ItemWeights(places, [WEIGHTS]), PRIORS, np.zeros((3, 0)), vectors, fading=fading
    )


@pytest.mark.parametrize(
    ("repeat_weight", "again"),
    [
        pytest.param(0.0, [0.0, 0.0, 0.0], id="chosen once"),
        # the events are three, two, one and no places back, and weigh half after two
        pytest.param(4.0, [4 * (0.5**1.5 + 0.5**0.5), 4 * 0.5, 4 * 1.0], id="chosen again"),
    ],
)
def test_score_is_the_weighted_history_its_own_items_and_the_prior(repeat_weight, again):
    query = make_query([0, 1, 0, 2])

    components = make_scorer(repeat_weight).answer(query).components.numpy()

    # half-life of one event: item 0 weighs an eighth and a half, item 2 weighs 1
    weighted = [0.25 * 1.0, 0.0, 0.5 * (0.125 + 0.5)]
    np.testing.assert_allclose(components[0, 0], PRIORS[0] + weighted + again, rtol=1e-6)


@pytest.mark.parametrize("item", [0, 1, 2])
def test_contributions_of_the_events_add_up_to_the_score(item):
    scorer, query = make_scorer(4.0), make_query([0, -1, 1, 0, 2])

    told = scorer.explain(query, tf.constant([item]), tf.ones([1, 1]))

    score = scorer.answer(query).components.numpy()[0, 0, item]
    assert told.base.numpy()[0] + told.history.numpy().sum() == pytest.approx(score, rel=1e-6)


@pytest.mark.parametrize(("max_items", "n_kept"), [(2, 2), (9, 3)])
def test_of_a_large_catalogue_the_most_chosen_have_weights(max_items, n_kept):
    rows = [
        *[(user, item, 1, 5.0) for user in "uvw" for item in "ab"],
        ("x", "a", 1, 5.0),
        ("x", "c", 1, 5.0),
    ]
    params = Params.load(overrides=[f"cf.max_items={max_items}"])
    data = make_data(rows, ("a", "b", "c", "never"), tasks=(WATCH,))

    scorer = fit(data, params, until=9, epochs=None, calibration=None).module.scorer

    assert scorer.places.numpy().tolist() == ([0, 1, 2, 2] if n_kept == 2 else [0, 1, 2, 3])
    assert scorer.item_weights[0].shape == (n_kept + 1, n_kept + 1)
    assert scorer.vectors.shape[0] == 4
    assert not scorer.vectors.numpy()[3].any()


@pytest.mark.parametrize(("repeats", "weight"), [(False, 0.0), (True, 3.0)])
def test_own_items_count_only_where_they_are_chosen_again(repeats, weight):
    data = make_data([("u", "a", 1, 5.0), ("u", "b", 2, 5.0)], tasks=(WATCH,))
    data = replace(data, prepared=data.prepared.model_copy(update={"repeats": repeats}))
    params = Params.load(overrides=["cf.repeat_weight=3.0"])

    fitted = fit(data, params, until=9, epochs=None, calibration=None)

    assert fitted.module.scorer.fading.repeat_weight == weight
