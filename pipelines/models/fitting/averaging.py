"""Averages of weights over the steps of a fit, which are steadier than the last step's.

Polyak and Juditsky, "Acceleration of stochastic approximation by averaging" (1992); here a moving
average that forgets, and that is short while few steps have been taken.
"""

from collections.abc import Callable, Sequence
from typing import Any

from pipelines.models.engine import tf

Values = list[Any]


class WeightAverage:
    """The moving average of a model's variables.

    Args:
        variables: Of the model, all built.
        decay: What a step keeps of the average so far, once the fit is under way.
    """

    def __init__(self, variables: Sequence[Any], decay: float) -> None:
        self._variables = list(variables)
        self._averages = [tf.Variable(each, trainable=False) for each in self._variables]
        self._steps = tf.Variable(0.0, trainable=False)
        self._decay = decay

    def update(self) -> None:
        """Takes in the variables as they are after a step."""
        self._steps.assign_add(1.0)
        decay = tf.minimum(self._decay, self._steps / (self._steps + 10.0))
        for average, variable in zip(self._averages, self._variables, strict=True):
            average.assign_add((1.0 - decay) * (variable - average))

    def measured(self, measure: Callable[[], dict[str, float]]) -> Callable[[], dict[str, float]]:
        """The same measure, of the model with its averages in place."""

        def of_averages() -> dict[str, float]:
            own = [each.numpy() for each in self._variables]
            self.set_weights(self.get_weights())
            figures = measure()
            self.set_weights(own)
            return figures

        return of_averages

    def get_weights(self) -> Values:
        """The averages."""
        return [each.numpy() for each in self._averages]

    def set_weights(self, values: Values) -> None:
        """Gives the model these values."""
        for variable, value in zip(self._variables, values, strict=True):
            variable.assign(value)
