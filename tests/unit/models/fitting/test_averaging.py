"""The moving average of weights."""

import numpy as np
import pytest

from pipelines.models.engine import tf
from pipelines.models.fitting.averaging import WeightAverage


@pytest.fixture
def variable():
    return tf.Variable([1.0, 2.0])


def test_average_of_weights_that_stay_is_the_weights(variable):
    average = WeightAverage([variable], 0.9)

    average.update()
    average.update()

    np.testing.assert_allclose(average.get_weights(), [[1.0, 2.0]])


def test_average_follows_slowly_and_faster_while_young(variable):
    young, old = WeightAverage([variable], 0.9), WeightAverage([variable], 0.9)
    for _ in range(1000):
        old.update()
    variable.assign([3.0, 2.0])

    young.update()
    old.update()

    # the first step keeps 1 / 11 of the average, a late one 0.9
    assert young.get_weights()[0][0] == pytest.approx(3.0 - 2.0 / 11)
    assert old.get_weights()[0][0] == pytest.approx(1.2)


def test_measure_sees_the_average_and_the_fit_goes_on_from_its_own_weights(variable):
    average = WeightAverage([variable], 0.5)
    variable.assign([3.0, 2.0])
    seen = average.measured(lambda: {"first": float(variable[0])})()

    assert seen == {"first": 1.0}
    assert variable.numpy().tolist() == [3.0, 2.0]
