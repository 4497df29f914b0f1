import numpy as np

from services.recommender.slate import allow_mask, cut


def test_everything_is_allowed_but_the_excluded():
    assert allow_mask(4, [2, 0, 2]).tolist() == [False, True, False, True]


def test_items_that_the_model_does_not_know_exclude_nothing():
    assert allow_mask(2, [-1, -1]).tolist() == [True, True]


def test_nothing_is_excluded_by_an_empty_list():
    assert allow_mask(2, []).tolist() == [True, True]


def test_places_that_the_model_could_not_fill_are_cut_off():
    scores = np.array([[3.0, 1.0, -np.inf], [2.0, -np.inf, -np.inf]], dtype=np.float32)

    assert cut(scores, 2).tolist() == [[True, True], [True, False]]
    assert cut(scores, 9).tolist() == [[True, True, False], [True, False, False]]
