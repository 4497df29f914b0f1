import numpy as np
import pytest

from pipelines.measures.metrics.catalogue import (
    coverage,
    diversity,
    exposure,
    gini,
    mean_of,
    novelty,
    popularity_lift,
)


def test_exposure_counts_items_and_skips_empty_places():
    assert list(exposure(np.array([[0, 2], [2, -1]]), 4)) == [1, 0, 2, 0]


def test_coverage_is_the_share_of_items_shown():
    assert coverage(np.array([1, 0, 2, 0])) == 0.5


def test_gini_of_equal_exposure_is_zero():
    assert gini(np.array([3, 3, 3])) == pytest.approx(0)


def test_gini_of_one_item_alone_is_all_but_its_share():
    assert gini(np.array([0, 0, 0, 8])) == pytest.approx(3 / 4)  # (n - 1) / n


def test_novelty_is_the_surprise_of_the_smoothed_share():
    # counts 3 and 0 of 3 over two items: shares 4/5 and 1/5
    assert novelty(np.array([3, 0])) == pytest.approx([np.log2(5 / 4), np.log2(5)])


def test_gini_is_the_mean_difference_of_two_items_over_twice_the_mean():
    exposures = np.random.default_rng(4).integers(0, 9, 30)

    differences = np.abs(exposures[:, None] - exposures[None, :]).mean()

    assert gini(exposures) == pytest.approx(differences / (2 * exposures.mean()))


def test_popularity_lift_of_what_was_chosen_is_one():
    # 3 + 1 interactions: an interaction's item was chosen (3 * 3 + 1 * 1) / 4 = 2.5 times
    lifts = popularity_lift(np.array([3, 1, 0]))

    assert lifts == pytest.approx([3 / 2.5, 1 / 2.5, 0])
    assert np.average(lifts, weights=[3, 1, 0]) == pytest.approx(1)


def test_diversity_is_one_minus_the_mean_cosine_of_pairs():
    generator = np.random.default_rng(6)
    features = np.abs(generator.normal(size=(12, 5)))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    shown = [2, 3, 7, 11]

    pairs = [1 - features[a] @ features[b] for a in shown for b in shown if a < b]

    assert diversity(features, np.array([shown])) == pytest.approx([np.mean(pairs)])


def test_diversity_of_equal_items_is_zero_and_of_unlike_ones_is_one():
    features = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])

    assert list(diversity(features, np.array([[0, 1], [0, 2]]))) == [0, 1]


def test_diversity_knows_nothing_of_empty_places_and_of_items_without_features():
    features = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0]])

    found = diversity(features, np.array([[0, 1, 2], [0, 1, -1], [0, 2, -1]]))

    assert found == pytest.approx([1, 1, np.nan], nan_ok=True)


def test_the_mean_of_a_slate_leaves_out_empty_places():
    values = np.array([2.0, 4.0])

    assert list(mean_of(values, np.array([[0, 1], [1, -1], [-1, -1]]))) == [3, 4, 0]
