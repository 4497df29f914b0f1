import numpy as np
import pytest

from pipelines.measures.metrics.catalogue import coverage, exposure, gini, novelty


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
