"""How losses become one."""

import math

import numpy as np
import pytest

from pipelines.models.engine import tf
from pipelines.models.multitask.weighting import LossWeighting
from pipelines.sections import LossWeights
from tests.unit.models.small_data import LIKE, RATING, WATCH

TASKS = [WATCH, LIKE, RATING]
WEIGHTS = LossWeights(retrieval=1.0, binary=0.5, regression=0.25)
LOSSES = {"watch": 6.0, "like": 0.8, "rating": 2.0}


def test_fixed_weights_are_the_declared_ones():
    weighting = LossWeighting(TASKS, WEIGHTS, "fixed")

    assert float(weighting(LOSSES)) == pytest.approx(6.0 + 0.5 * 0.8 + 0.25 * 2.0)
    assert weighting.trainable_variables == []


def test_task_of_weight_zero_is_not_learnt():
    alone = LossWeights(retrieval=0.0, binary=1.0, regression=0.0)

    assert list(LossWeighting(TASKS, alone, "fixed").declared) == ["like"]


def test_uncertainty_follows_the_paper():
    weighting = LossWeighting(TASKS, WEIGHTS, "uncertainty")
    for name, value in (("watch", math.log(3.0)), ("like", 0.0), ("rating", math.log(2.0))):
        weighting.log_variances[name].assign(value)

    # a variance of 3: 6 / 3 + log(3) / 2; of 1: 0.8; a regression of 2: 2 / (2 * 2) + log(2) / 2
    wanted = (2.0 + math.log(3.0) / 2) + 0.5 * 0.8 + 0.25 * (0.5 + math.log(2.0) / 2)
    assert float(weighting(LOSSES)) == pytest.approx(wanted)


def test_learnt_variance_settles_where_the_loss_says():
    """The minimum of exp(-s) L / 2 + s / 2 is at s = log L, of exp(-s) L + s / 2 at log 2 L."""
    weighting = LossWeighting(TASKS, WEIGHTS, "uncertainty")
    optimizer = tf.keras.optimizers.SGD(0.5)

    for _ in range(400):
        with tf.GradientTape() as tape:
            total = weighting(LOSSES)
        variables = weighting.trainable_variables
        optimizer.apply_gradients(zip(tape.gradient(total, variables), variables, strict=True))

    settled = [float(weighting.log_variances[name]) for name in LOSSES]
    np.testing.assert_allclose(settled, np.log([12.0, 1.6, 2.0]), atol=1e-3)
