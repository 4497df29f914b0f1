"""Calibration finds back what was done to the outputs."""

import numpy as np

from pipelines.models.multitask.calibration import calibrate, coefficients
from tests.unit.models.small_data import LIKE, RATING

TASKS = [LIKE, RATING]


def test_calibration_undoes_a_known_distortion():
    random = np.random.default_rng(1)
    raw = random.normal(size=(20_000, 2))
    probability = 1 / (1 + np.exp(-(0.5 * raw[:, 0] - 1.0)))
    labels = np.stack([random.random(20_000) < probability, 2.0 * raw[:, 1] + 0.25], axis=1)

    fitted = calibrate(TASKS, raw, labels.astype(float), np.ones_like(raw))

    # 20,000 labels: the standard error of the slope is about 0.02
    np.testing.assert_allclose(list(fitted["like"].values()), [0.5, -1.0], atol=0.08)
    np.testing.assert_allclose(list(fitted["rating"].values()), [2.0, 0.25], atol=1e-6)


def test_too_few_labels_leave_outputs_as_they_are():
    few = np.zeros((3, 2))

    fitted = calibrate(TASKS, few, few, np.ones_like(few))

    assert fitted == {name: {"slope": 1.0, "intercept": 0.0} for name in ("like", "rating")}


def test_unknown_labels_take_no_part():
    random = np.random.default_rng(2)
    raw = random.normal(size=(200, 2))
    labels = 3.0 * raw
    labels[100:] = 99.0
    known = np.concatenate([np.ones((100, 2)), np.zeros((100, 2))])

    fitted = calibrate([RATING], raw[:, 1:], labels[:, 1:], known[:, 1:])

    np.testing.assert_allclose(fitted["rating"]["slope"], 3.0, atol=1e-6)


def test_task_without_calibration_is_left_as_it_is():
    assert coefficients(TASKS, {"like": {"slope": 2.0, "intercept": 1.0}}) == (
        [2.0, 1.0],
        [1.0, 0.0],
    )
