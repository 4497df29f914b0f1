"""Factors by hand algebra, and a user's part against a closed form in NumPy."""

import numpy as np
import pytest

from pipelines.descriptors import AtLeast, BinaryTask, RegressionTask, Rule
from pipelines.models.engine import tf
from pipelines.models.factorisation import (
    INITIAL_SPREAD,
    Factors,
    FoldIn,
    Labelled,
    Target,
    fit_factors,
    known_query,
    labelled,
    live_predictions,
    read_labels,
    target_of,
)
from pipelines.sections import FactorisationParams
from tests.unit.models.small_data import DAY_US, make_data

VALUE = Target(None)
FACTORS = Factors(3.0, np.array([0.5, -0.25, 0.0]), np.array([[1.0, 0.0], [0.5, -1.0], [2.0, 1.0]]))


def make_params(**changes):
    return FactorisationParams(
        **{
            "dim": 2,
            "rounds": 60,
            "l2": 4.0,
            "item_bias_l2": 2.0,
            "item_half_life_days": 10.0,
            "user_variance": 0.5,
            "mood_variance": 0.25,
            "mood_half_life_events": 2.0,
            "taste_half_life_events": 8.0,
        }
        | changes
    )


def known(users, items, values, weights=None):
    weights = np.ones(len(users)) if weights is None else np.array(weights)
    return Labelled(np.array(users), np.array(items), np.array(values, dtype=float), weights)


# --- what is learnt


def test_a_threshold_is_learnt_by_its_value_and_a_kind_by_itself():
    bought, liked = Rule(event="buy"), Rule(value=AtLeast(at_least=4.0))

    assert target_of(RegressionTask(name="r", kind="regression", label="value")) == Target(None)
    assert target_of(BinaryTask(name="l", kind="binary", label=liked)) == Target(None)
    assert target_of(BinaryTask(name="b", kind="binary", label=bought)) == Target(bought)


def test_an_event_without_value_has_no_label_where_a_value_is_asked_for():
    values = np.array([4.0, np.nan], dtype=np.float32)
    kinds = np.array(["buy", "view"], dtype=object)
    both = Rule(event="buy", value=AtLeast(at_least=3.0))

    seen = {
        name: [part.tolist() for part in Target(rule).read(lambda kind: kinds == kind, values)]
        for name, rule in {"kind": Rule(event="buy"), "both": both}.items()
    }

    assert seen == {"kind": [[True, False], [True, True]], "both": [[True, False], [True, False]]}


def test_labels_before_the_end_weigh_by_their_age():
    rows = [("u", "a", 0, 5.0), ("u", "b", 10 * DAY_US, None), ("v", "b", 10 * DAY_US, 2.0)]
    data = make_data([*rows, ("v", "c", 20 * DAY_US, 1.0)])

    found = labelled(data, VALUE, 20 * DAY_US, half_life_days=10.0)

    assert found.items.tolist() == [0, 1]
    assert found.values.tolist() == [5.0, 2.0]
    assert found.weights.tolist() == [0.25, 0.5]
    assert found.users[0] != found.users[1]


# --- the fit


def test_one_label_is_shared_between_user_and_item_as_by_hand():
    # labels 4 and 2, mean 3: r = 1 and -1, two users and two items with nothing in common.
    # Users a = (r - b) / (1 + 1 / variance) = (r - b) / 2, items b = (r - a) / (1 + 2): they meet
    # at b = r / 5, a = 2 r / 5.
    params = make_params(user_variance=0.5, mood_variance=0.5, l2=1e9)

    factors = fit_factors(known([0, 1], [0, 1], [4.0, 2.0]), 3, params, seed=1)

    assert factors.mean == 3.0
    np.testing.assert_allclose(factors.biases, [0.2, -0.2, 0.0], atol=1e-9)


def test_a_round_is_the_users_ridge_regressions_and_then_the_items():
    """Would catch ridges, weights or roles of the two sides that are exchanged."""
    random = np.random.default_rng(3)
    users, items = random.integers(0, 9, 80), random.integers(0, 4, 80)
    table = known(users, items, random.normal(3, 1, 80), random.uniform(0.2, 1, 80))
    params = make_params(l2=0.5, rounds=1)
    start = np.random.default_rng(5).normal(0, INITIAL_SPREAD, (5, 2))

    factors = fit_factors(table, 5, params, seed=5)

    mean, even = table.values.mean(), np.ones(80)
    user_ridge, item_ridge = np.diag([1 / 0.75, 0.5, 0.5]), np.diag([2.0, 0.5, 0.5])
    of_users = _solved(users, start[items], table.values - mean, even, user_ridge)
    left = table.values - mean - of_users[users, 0]
    expected = _solved(items, of_users[users, 1:], left, table.weights, item_ridge)
    np.testing.assert_allclose(np.c_[factors.biases, factors.vectors][:4], expected, atol=1e-9)
    assert factors.biases[4] == 0
    assert not factors.vectors[4].any()


def _solved(groups, inputs, labels, weights, ridge):
    rows = []
    for group in range(groups.max() + 1):
        own = groups == group
        design = np.concatenate([np.ones((own.sum(), 1)), inputs[own]], axis=1)
        weighted = design * weights[own, None]
        rows.append(np.linalg.solve(weighted.T @ design + ridge, weighted.T @ labels[own]))
    return np.array(rows)


def test_nothing_known_is_nothing_learnt():
    factors = fit_factors(known([], [], []), 2, make_params(), seed=1)

    assert factors.mean == 0
    assert not factors.biases.any()
    assert not factors.vectors.any()


# --- a user's part

ROWS = [("u", "a", 1, 5.0), ("u", "c", 2, None), ("u", "gone", 3, 1.0), ("u", "b", 4, 2.0)]
DATA = make_data([*ROWS, ("u", "c", 5, 4.0), ("v", "a", 1, 3.0)])


def solved(params, row, max_history=9):
    fold_in = FoldIn(FACTORS, params)
    query = known_query(DATA, np.array([row]), max_history)
    shares = fold_in.shares(query, *read_labels(VALUE, query))
    return fold_in, query, shares


def test_without_drift_the_user_is_the_ridge_regression_of_the_history():
    """Hu, Koren and Volinsky's fold-in, for a bias and a taste of explicit labels."""
    forever = 1e9
    params = make_params(mood_variance=1e-9, taste_half_life_events=forever)
    fold_in, query, shares = solved(params, 4)

    predicted = fold_in.predict(query, shares).numpy()[0]

    # of the history a and b have a label and are in the catalogue
    inputs = np.array([[1.0, 1.0, 0.0], [1.0, 0.5, -1.0]])
    left = np.array([5.0 - 3.5, 2.0 - 2.75])
    ridge = np.diag([1 / 0.5, 4.0, 4.0])
    user = np.linalg.solve(inputs.T @ inputs + ridge, inputs.T @ left)
    expected = 3.0 + FACTORS.biases + np.c_[np.ones(3), FACTORS.vectors] @ user
    np.testing.assert_allclose(predicted, expected, atol=1e-5)


def test_drift_is_the_best_linear_prediction_with_its_covariance():
    fold_in, query, shares = solved(make_params(), 4)

    predicted = fold_in.predict(query, shares).numpy()[0]

    # a stands three events before b, and four before what comes next; b one
    def covariance(gap, one, other):
        bias = 0.5 + 0.25 * 2 ** (-gap / 2)
        return bias + 2 ** (-gap / 8) / 4 * float(np.dot(one, other))

    a, b, _ = FACTORS.vectors
    among = np.array(
        [
            [1 + covariance(0, a, a), covariance(3, a, b)],
            [covariance(3, a, b), 1 + covariance(0, b, b)],
        ]
    )
    weights = np.linalg.solve(among, [5.0 - 3.5, 2.0 - 2.75])
    expected = [
        3.0 + FACTORS.biases[i] + weights @ [covariance(4, a, v), covariance(1, b, v)]
        for i, v in enumerate(FACTORS.vectors)
    ]
    np.testing.assert_allclose(predicted, expected, atol=1e-5)


def test_contributions_add_up_to_what_the_history_changes():
    fold_in, query, shares = solved(make_params(), 4)

    parts = fold_in.contributions(query, shares, tf.constant([2])).numpy()[0]

    predicted = fold_in.predict(query, shares).numpy()[0]
    assert parts[1] == parts[2] == 0  # no label, not in the catalogue
    np.testing.assert_allclose(parts.sum(), predicted[2] - 3.0, atol=1e-5)


def test_without_history_the_items_mean_is_predicted():
    fold_in, query, shares = solved(make_params(), 0)

    np.testing.assert_allclose(fold_in.predict(query, shares).numpy()[0], [3.5, 2.75, 3.0])


def test_live_predictions_read_what_came_strictly_before():
    fold_in, query, shares = solved(make_params(), 4)

    found = live_predictions(fold_in, VALUE, DATA, np.array([5, 4]), 9)

    np.testing.assert_allclose(
        found, [3.5, fold_in.predict(query, shares).numpy()[0, 2]], atol=1e-6
    )
    assert found[0] == pytest.approx(3.5)  # another user's history is not read
