"""The factorisation finds what made the labels, and the graph solves what NumPy solves."""

import numpy as np

from pipelines.models.multitask.factors import as_items, as_query, fold_in, item_factors
from pipelines.sections import FactorParams

PARAMS = FactorParams(
    dim=2,
    user_l2=0.1,
    item_l2=0.1,
    bias_variance=10.0,
    mood_variance=1e-6,
    mood_half_life_events=5.0,
    taste_half_life_events=1e6,
)
N_USERS, N_ITEMS = 60, 30


def make_labels():
    random = np.random.default_rng(1)
    users = np.repeat(np.arange(N_USERS), N_ITEMS)
    items = np.tile(np.arange(N_ITEMS), N_USERS)
    of_users, of_items = random.normal(size=(N_USERS, 3)), random.normal(size=(N_ITEMS, 3))
    truth = of_users[:, :1] + of_items[:, 0] + of_users[:, 1:] @ of_items[:, 1:].T
    is_told = random.random(len(users)) < 0.7
    return users, items, truth, is_told


def test_labels_that_were_not_told_are_foreseen():
    users, items, truth, is_told = make_labels()
    labels = truth[users, items][:, None].astype(np.float32)
    told = is_told.astype(np.float32)[:, None]

    found = item_factors(users, items, labels, told, (N_ITEMS, PARAMS))[0]

    own = items.reshape(N_USERS, N_ITEMS)
    known = is_told.reshape(own.shape).astype(np.float32)
    solved = fold_in(found, own, truth.astype(np.float32), known, PARAMS)
    foreseen = as_query(solved).numpy() @ as_items(found).numpy().T
    is_hidden = ~is_told.reshape(own.shape)
    error = np.sqrt(((foreseen - truth)[is_hidden] ** 2).mean())
    assert error < 0.1 * truth[is_hidden].std()


def test_without_drift_a_user_is_solved_for_by_ridge_regression():
    found = np.array([[0.5, 1.0, 0.0], [0.0, 0.0, 2.0]], dtype=np.float32)
    items, labels = np.array([[0, 1, 0]]), np.array([[1.5, 2.0, 9.0]], dtype=np.float32)
    known = np.array([[1.0, 1.0, 0.0]], dtype=np.float32)

    solved = fold_in(found, items, labels, known, PARAMS)

    design = np.array([[1.0, 1.0, 0.0], [1.0, 0.0, 2.0]])
    shrinkage = np.diag([1 / PARAMS.bias_variance, PARAMS.user_l2, PARAMS.user_l2])
    wanted = np.linalg.solve(design.T @ design + shrinkage, design.T @ np.array([1.0, 2.0]))
    np.testing.assert_allclose(solved[0], wanted, rtol=1e-3)


def test_mood_is_that_of_the_newest_events():
    drifting = PARAMS.model_copy(update={"bias_variance": 1e-6, "mood_variance": 1.0})
    found, known = np.zeros((1, 3), dtype=np.float32), np.ones((2, 4), dtype=np.float32)
    labels = np.array([[1, 1, -1, -1], [-1, -1, 1, 1]], dtype=np.float32)

    bias = fold_in(found, np.zeros((2, 4), dtype=int), labels, known, drifting)[:, 0]

    assert bias[1] > 0.0 > bias[0]


def test_user_without_labels_is_like_all():
    nothing = np.zeros((1, 2), dtype=np.float32)

    solved = fold_in(np.ones((2, 3), np.float32), np.array([[-1, 0]]), nothing, nothing, PARAMS)

    assert solved.numpy().tolist() == [[0.0, 0.0, 0.0]]


def test_head_without_labels_has_no_factors():
    nothing = np.zeros((4, 1), dtype=np.float32)

    found = item_factors(np.arange(4), np.arange(4), nothing, nothing, (5, PARAMS))

    assert found.shape == (1, 5, 3)
    assert not found.any()
