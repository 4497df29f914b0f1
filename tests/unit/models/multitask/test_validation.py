"""The score that stops a fit early, by hand."""

import numpy as np
import pytest

from pipelines.models.multitask.validation import discounted_gains, head_losses
from tests.unit.models.small_data import LIKE, RATING

PAGES, ITEMS = np.array([0, 0, 1]), np.array([2, 0, 1])


def test_a_target_counts_by_its_place_on_its_page():
    scores = np.array([[1.0, 2.0, 3.0], [9.0, 5.0, 6.0]])

    gains = discounted_gains(scores, PAGES, ITEMS)

    # places 1 and 3 on the first page, 3 on the second
    np.testing.assert_allclose(gains, [1.0, 0.5, 0.5])


def test_a_target_below_ten_others_counts_nothing():
    scores = np.arange(11.0)[None]

    gains = discounted_gains(scores, np.array([0, 0]), np.array([1, 0]))

    np.testing.assert_allclose(gains, [1 / np.log2(11), 0.0])


def test_a_model_that_says_the_same_of_all_items_finds_nothing():
    assert discounted_gains(np.zeros((2, 11)), PAGES, ITEMS).tolist() == [0, 0, 0]


def test_nan_finds_nothing_and_stands_before_all():
    nothing = np.full((2, 3), np.nan)
    one = np.array([[np.nan, 1.0, 2.0], [0.0, 0.0, 0.0]])

    assert discounted_gains(nothing, PAGES, ITEMS).tolist() == [0, 0, 0]
    np.testing.assert_allclose(
        discounted_gains(one, PAGES[:1], ITEMS[:1]), [1 / np.log2(3)], rtol=1e-12
    )


def test_what_was_seen_before_finds_nothing_when_it_comes_again():
    seen_again = np.array([[-np.inf, 1.0, 2.0]])

    assert discounted_gains(seen_again, np.array([0]), np.array([0])).tolist() == [0]


def test_losses_of_heads_are_means_over_what_has_a_label():
    raw = np.array([[0.0, 1.0], [np.log(3.0), 5.0], [9.0, 2.0]])
    labels = np.array([[1.0, 0.0], [0.0, 5.0], [0.0, 0.0]])
    known = np.array([[1.0, 1.0], [1.0, 0.0], [0.0, 1.0]])

    losses = head_losses([LIKE, RATING], raw, labels, known)

    # like: chances 1/2 of what came and 3/4 of what did not; rating: misses of 1 and 2
    assert losses["like"] == pytest.approx((np.log(2.0) + np.log(4.0)) / 2)
    assert losses["rating"] == pytest.approx((1.0 + 4.0) / 2)


def test_head_without_a_label_has_no_loss():
    nothing = np.zeros((0, 2))

    assert head_losses([LIKE, RATING], nothing, nothing, nothing) == {"like": 0.0, "rating": 0.0}
