"""From factorised targets to natural units."""

import numpy as np
import pytest

from pipelines.models.als.labels import fit_heads, log_odds
from pipelines.models.factorisation import known_query
from pipelines.params import Params
from tests.unit.models.small_data import make_data


def test_log_odds_are_those_that_the_labels_were_drawn_with():
    random = np.random.default_rng(1)
    raw = random.normal(3.5, 0.7, 20_000)
    drawn = random.random(20_000) < 1 / (1 + np.exp(-(2.0 * raw - 7.0)))

    slope, intercept = log_odds(raw, drawn)

    assert slope == pytest.approx(2.0, abs=0.1)
    assert intercept == pytest.approx(-7.0, abs=0.35)


def test_log_odds_of_one_class_alone_are_finite_and_on_its_side():
    slope, intercept = log_odds(np.array([4.0, 4.5, 5.0]), np.ones(3, dtype=bool))

    # Platt's target of three labels alike is 4 / 5
    assert 1 / (1 + np.exp(-(slope * 4.5 + intercept))) == pytest.approx(0.8, abs=0.01)


def test_log_odds_never_fall_with_the_target_and_nothing_gives_even_odds():
    against = np.array([True, True, False, False])

    assert log_odds(np.array([1.0, 2.0, 3.0, 4.0]), against)[0] == 0
    assert log_odds(np.zeros(0), np.zeros(0, dtype=bool)) == (0.0, 0.0)


def test_predictions_stay_within_the_labels_and_a_threshold_shares_its_target():
    random = np.random.default_rng(1)
    rows = [
        (f"u{user:02}", item, 1 + place, 4.0 if item == "a" else 2.0)
        for user in range(40)
        for place, item in enumerate(random.permutation(["a", "b", "c"]))
    ]
    data = make_data(rows, cut=99)

    heads = fit_heads(data, Params.load(), until=99)
    (like, rating), (liking, stars) = heads.answer(known_query(data, np.array([2]), 9))

    assert len(heads.targets) == 1
    np.testing.assert_array_equal(like, rating)
    assert (stars.numpy() >= 2).all()
    assert (stars.numpy() <= 4).all()
    assert liking.numpy()[0, 0] > 0.8 > 0.2 > liking.numpy()[0, 1]
