"""EASE by hand."""

import numpy as np

from pipelines.models.ease import gram, item_vectors, item_weights


def test_gram_counts_users_who_have_both_items_once_each():
    # user 0: a, a again, b; user 4: b
    together = gram(np.array([0, 0, 0, 4]), np.array([0, 0, 1, 1]), 3)

    assert together.tolist() == [[1, 1, 0], [1, 2, 0], [0, 0, 0]]


def test_gram_of_nobody_is_nothing():
    nobody = np.array([], dtype=np.int64)

    assert gram(nobody, nobody, 2).tolist() == [[0, 0], [0, 0]]


def test_gram_counts_exactly():
    random = np.random.default_rng(1)
    users, items = random.integers(0, 300, 5_000) * 7, random.integers(0, 40, 5_000)
    dense = np.zeros((300, 40))
    dense[users // 7, items] = 1.0

    np.testing.assert_array_equal(gram(users, items, 40), dense.T @ dense)


def test_weights_of_two_items_follow_the_closed_form():
    together = np.array([[3.0, 2.0], [2.0, 4.0]])

    weights = item_weights(together, l2=1.0)

    # X'X + I = [[4, 2], [2, 5]], P = [[5, -2], [-2, 4]] / 16, B = -P / diag(P) by column
    np.testing.assert_allclose(weights, [[0.0, 2 / 4], [2 / 5, 0.0]])


def test_item_that_nobody_has_neither_gives_nor_gets_weight():
    weights = item_weights(np.diag([2.0, 3.0, 0.0]), l2=1.0)

    assert weights[2].tolist() == [0, 0, 0]
    assert weights[:, 2].tolist() == [0, 0, 0]


def test_vectors_of_items_with_the_same_users_point_the_same_way():
    together = np.array([[2.0, 2.0, 0.0], [2.0, 2.0, 0.0], [0.0, 0.0, 1.0]])

    vectors = item_vectors(together, dim=2)

    directions = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(
        directions @ directions.T, [[1, 1, 0], [1, 1, 0], [0, 0, 1]], atol=1e-9
    )
