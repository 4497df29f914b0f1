import numpy as np

from pipelines.measures.ties import drawn, has_ties

NOTHING = -np.inf


def test_neighbours_of_one_score_are_ties():
    scores = np.array([[3.0, 2.0, 2.0], [3.0, 2.0, 1.0]], dtype=np.float32)

    assert list(has_ties(scores)) == [True, False]


def test_empty_places_are_no_ties():
    assert not has_ties(np.array([[3.0, NOTHING, NOTHING]])).any()


def test_each_of_equals_comes_first_as_often():
    draws = 3000
    rows = np.tile([7, 4, 5, 6], (draws, 1))
    scores = np.tile([2.0, 1.0, 1.0, 1.0], (draws, 1))

    found = drawn(rows, scores, np.arange(draws))

    # a third each: standard error sqrt(1/3 * 2/3 / 3000) = .009
    assert (found[:, 0] == 7).all()
    shares = np.bincount(found[:, 1], minlength=7)[4:] / draws
    assert np.abs(shares - 1 / 3).max() < 0.03


def test_empty_places_stay_at_the_end():
    rows, scores = np.array([[1, 2, -1, -1]]), np.array([[1.0, 1.0, NOTHING, NOTHING]])

    found = np.stack([drawn(rows, scores, np.array([seed]))[0] for seed in range(8)])

    assert (found[:, 2:] == -1).all()
    assert set(found[:, 0]) == {1, 2}


def test_a_request_is_drawn_alike_whatever_stands_beside_it():
    rows, scores = np.tile(np.arange(9), (2, 1)), np.zeros((2, 9))

    together = drawn(rows, scores, np.array([5, 6]))

    assert (drawn(rows[:1], scores[:1], np.array([6]))[0] == together[1]).all()
    assert (together[0] != together[1]).any()
