import numpy as np
import pytest

from benchmarks.published import HALF_LIFE_US, Ratings, measure, sar_scores, split


def make_ratings(*events):
    users, items, values, timestamps = (np.array(column) for column in zip(*events, strict=True))
    return Ratings(users, items, values.astype(float), timestamps)


def test_scores_are_those_worked_out_by_hand():
    # both users chose 0 and 1, user 0 also 2: jaccard 0-1 = 2/2, 0-2 = 1-2 = 1/2, own = 1
    train = make_ratings(
        (0, 0, 4, HALF_LIFE_US), (0, 1, 2, 0), (0, 2, 1, HALF_LIFE_US), (1, 0, 3, 0), (1, 1, 5, 0)
    )

    scores = sar_scores(train, 2, 4)

    # affinities: user 0: 4, 2/2, 1; user 1: 3/2, 5/2
    assert scores[0] == pytest.approx([4 + 1 + 0.5, 4 + 1 + 0.5, 2 + 0.5 + 1, 0])
    assert scores[1] == pytest.approx([4, 4, 2, 0])


def test_a_split_keeps_three_quarters_of_every_user():
    users = np.repeat([0, 1, 2], [4, 10, 8])

    learnt = split(users, seed=1)

    # 7.5 of ten: the eighth lies beyond
    assert list(np.bincount(users[learnt])) == [3, 7, 6]
    assert (split(users, seed=2) != learnt).any()


def test_what_a_user_is_known_for_is_not_recommended():
    generator = np.random.default_rng(1)
    events = [(u, i, 3, 0) for u in range(30) for i in generator.permutation(40)[:20]]

    figures = measure(make_ratings(*events), 40, seed=1)

    # 5 of 25 unseen items are wanted, 10 are shown: at chance .2 of them
    assert figures["precision"] == pytest.approx(0.2, abs=0.06)
