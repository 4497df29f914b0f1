import math

import numpy as np
import pytest

from pipelines.measures.metrics.prediction import auc, calibration_error, log_loss, rmse

EVEN = np.ones(4)
LABELS = np.array([1.0, 0.0, 1.0, 0.0])


def test_auc_counts_pairs_and_ties_as_half():
    # positives .9 and .5, negatives .5 and .1: pairs 1 + 1 + 0.5 + 1 of 4
    assert auc(LABELS, np.array([0.9, 0.5, 0.5, 0.1]), EVEN) == pytest.approx(3.5 / 4)


def test_auc_of_weights_is_that_of_repeated_rows():
    predictions, weights = np.array([0.9, 0.8, 0.3, 0.4]), np.array([1, 3, 2, 0])

    repeated = np.repeat(np.arange(4), weights)

    wanted = auc(LABELS[repeated], predictions[repeated], np.ones(len(repeated)))
    assert auc(LABELS, predictions, weights.astype(float)) == pytest.approx(wanted)


def test_auc_of_one_class_is_not_a_number():
    assert math.isnan(auc(np.ones(4), np.array([0.1, 0.2, 0.3, 0.4]), EVEN))


def test_log_loss_of_a_coin_is_the_logarithm_of_two():
    assert log_loss(LABELS, np.full(4, 0.5), EVEN) == pytest.approx(math.log(2))


def test_log_loss_of_a_certain_mistake_is_finite():
    assert log_loss(np.array([1.0]), np.array([0.0]), np.ones(1)) == pytest.approx(-math.log(1e-7))


def test_calibration_error_weighs_the_gaps_of_the_bins():
    # the bin from .9: labels sum to 1, predictions to 1.9, a gap of .9; the bin from .1: 0 and .2
    predictions = np.array([0.95, 0.95, 0.1, 0.1])
    labels = np.array([1.0, 0.0, 0.0, 0.0])

    assert calibration_error(labels, predictions, EVEN) == pytest.approx((0.9 + 0.2) / 4)


def test_calibration_error_of_probability_one_falls_into_the_last_bin():
    assert calibration_error(np.ones(2), np.ones(2), np.ones(2)) == 0


def test_rmse_is_the_root_of_the_mean_square():
    # errors 0, 2, 0, 2: mean square 2
    values, predictions = np.array([1.0, 2, 3, 4]), np.array([1.0, 4, 3, 2])

    assert rmse(values, predictions, EVEN) == pytest.approx(math.sqrt(2))
