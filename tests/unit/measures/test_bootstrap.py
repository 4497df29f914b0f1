import numpy as np
import pytest

from pipelines.measures.bootstrap import Bootstrap


def make_bootstrap(users, samples=2000):
    return Bootstrap(np.asarray(users), samples, seed=3)


def test_interval_of_a_mean_is_that_of_the_normal_approximation():
    # 400 users, one event each, half of them 1: standard error .5 / 20, so .5 +- 1.96 * .025
    values = np.tile([0.0, 1.0], 200)

    found = make_bootstrap(range(400)).mean(values)

    assert found.value == 0.5
    assert found.low == pytest.approx(0.451, abs=0.006)
    assert found.high == pytest.approx(0.549, abs=0.006)
    assert (found.n_events, found.n_users) == (400, 400)


def test_users_are_drawn_whole():
    # ten events of each of 40 users, all alike: as uncertain as 40 events, not as 400
    users = np.repeat(np.arange(40), 10)
    values = np.repeat(np.tile([0.0, 1.0], 20), 10)

    found = make_bootstrap(users).mean(values)

    # standard error .5 / sqrt(40) = .079
    assert found.high - found.low == pytest.approx(2 * 1.96 * 0.079, abs=0.03)


def test_a_paired_difference_that_is_the_same_for_everybody_is_certain():
    values = np.random.default_rng(1).random(100)

    found = make_bootstrap(range(100)).difference(values + 0.25, values)

    assert (found.difference, found.low, found.high) == (0.25, 0.25, 0.25)


def test_equal_models_differ_by_nothing():
    values = np.random.default_rng(1).random(100)

    found = make_bootstrap(range(100)).difference(values, values.copy())

    assert (found.difference, found.low, found.high) == (0, 0, 0)


def test_smallest_detectable_effect_is_2_8_standard_errors():
    gaps = np.tile([-1.0, 1.0], 200)  # standard error 1 / 20

    found = make_bootstrap(range(400)).smallest_detectable(gaps, np.zeros(400))

    assert found == pytest.approx(2.8 / 20, abs=0.006)


def test_a_statistic_leaves_out_resamples_on_which_it_is_not_a_number():
    values = np.array([0.0, 1.0])

    found = make_bootstrap([0, 1]).statistic(
        lambda weights: float("nan") if weights[0] == 0 else float(values @ weights)
    )

    # without the first user 2 draws of the second are left out: 0 or 1 remain
    assert (found.low, found.high) == (0, 1)


def test_equal_seeds_give_equal_intervals():
    values = np.random.default_rng(2).random(50)

    assert make_bootstrap(range(50)).mean(values) == make_bootstrap(range(50)).mean(values)
