"""Chances, and draws that keep to them."""

import numpy as np

from pipelines.models.multitask.sampling import POWER, Sampler, chances


def test_chances_follow_the_weights_and_add_up_to_the_size():
    np.testing.assert_allclose(chances(np.array([1.0, 2.0, 3.0, 0.0]), 1), [1 / 6, 1 / 3, 1 / 2, 0])


def test_what_would_exceed_certainty_is_certain_and_the_rest_shares_what_is_left():
    # 100 of 103 would be drawn 1.94 times of 2: once for certain, the other once among the rest
    np.testing.assert_allclose(chances(np.array([100.0, 1.0, 2.0]), 2), [1.0, 1 / 3, 2 / 3])


def test_no_more_items_than_the_size_are_all_certain():
    assert chances(np.array([5.0, 0.0, 1.0]), 2).tolist() == [1.0, 0.0, 1.0]


def test_draws_have_one_size_and_each_item_its_chance():
    counts = np.array([0.0, 1.0, 4.0, 9.0, 100.0, 2.0, 2.0])
    sampler, random, n_draws = Sampler(counts, 3), np.random.default_rng(1), 4000

    drawn = [sampler.draw(random) for _ in range(n_draws)]

    assert {len(each.rows) for each in drawn} == {3}
    shares = np.bincount(np.concatenate([each.rows for each in drawn]), minlength=7) / n_draws
    # a standard error is at most 0.5 / sqrt(4000) = 0.008
    np.testing.assert_allclose(shares, chances(counts**POWER, 3), atol=0.032)
    assert shares[0] == 0.0


def test_drawn_chances_are_those_of_the_drawn_rows():
    sampler = Sampler(np.array([1.0, 2.0, 3.0, 4.0]), 2)

    rows, drawn_chances = sampler.draw(np.random.default_rng(2))

    np.testing.assert_array_equal(drawn_chances, sampler.chances[rows])
