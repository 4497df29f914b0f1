import math

import numpy as np
import pytest
from scipy import stats

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


@pytest.fixture
def predicted():
    """Probabilities with ties, and labels that follow them a little."""
    generator = np.random.default_rng(8)
    predictions = generator.integers(0, 21, 300) / 20
    return (generator.random(300) < 0.3 + 0.4 * predictions).astype(float), predictions


def test_auc_agrees_with_the_statistic_of_mann_and_whitney(predicted):
    labels, predictions = predicted

    wanted = stats.mannwhitneyu(predictions[labels == 1], predictions[labels == 0]).statistic

    pairs = labels.sum() * (1 - labels).sum()
    assert auc(labels, predictions, np.ones(300)) == pytest.approx(wanted / pairs)


def test_log_loss_agrees_with_the_likelihood_of_bernoulli_trials(predicted):
    labels, predictions = predicted
    inside = np.clip(predictions, 0.05, 0.95)

    wanted = -stats.bernoulli.logpmf(labels, inside).mean()

    assert log_loss(labels, inside, np.ones(300)) == pytest.approx(wanted)


def test_calibration_error_agrees_with_its_definition_bin_by_bin(predicted):
    labels, predictions = predicted

    edges = np.linspace(0, 1, 11)
    places = np.clip(np.digitize(predictions, edges) - 1, 0, 9)
    bins = [places == place for place in np.unique(places)]
    wanted = sum(b.mean() * abs(labels[b].mean() - predictions[b].mean()) for b in bins)

    assert calibration_error(labels, predictions, np.ones(300)) == pytest.approx(wanted, abs=1e-3)
