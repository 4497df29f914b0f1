"""How the tasks' losses become one: by fixed weights, or by weights that the data correct."""

from typing import Any

from pipelines.descriptors import RegressionTask, Task
from pipelines.models.engine import tf
from pipelines.sections import LossWeights, Weighting

Tensor = Any


class LossWeighting(tf.keras.layers.Layer):
    """The sum over tasks, each times its declared weight.

    With `uncertainty` after Kendall, Gal and Cipolla, "Multi-task learning using uncertainty to
    weigh losses" (2018), Eq. (7) and (10): each task learns s = log sigma^2, and its loss L
    becomes exp(-s) L + s / 2, for a regression exp(-s) L / 2 + s / 2, times the declared weight.

    Args:
        tasks: All tasks; one of weight 0 is not learnt.
        weights: By kind of task.
        weighting: `fixed` or `uncertainty`.
    """

    def __init__(self, tasks: list[Task], weights: LossWeights, weighting: Weighting) -> None:
        super().__init__(name="loss_weighting")
        self.of_kind = weights.model_dump()
        learnt = [task for task in tasks if self.of_kind[task.kind] > 0]
        self.declared = {task.name: self.of_kind[task.kind] for task in learnt}
        self.factors = {
            task.name: 0.5 if isinstance(task, RegressionTask) else 1.0 for task in learnt
        }
        names = self.declared if weighting == "uncertainty" else ()
        self.log_variances = {
            name: self.add_weight(f"log_variance_{name}", [], initializer="zeros") for name in names
        }

    def call(self, losses: dict[str, Tensor]) -> Tensor:
        """One loss from those of the tasks that are learnt."""
        return tf.add_n([self._weighted(name, loss) for name, loss in losses.items()])

    def _weighted(self, name: str, loss: Tensor) -> Tensor:
        if name not in self.log_variances:
            return self.declared[name] * loss
        log_variance = self.log_variances[name]
        corrected = self.factors[name] * tf.exp(-log_variance) * loss + 0.5 * log_variance
        return self.declared[name] * corrected
