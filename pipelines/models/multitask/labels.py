"""Labels of a history inside the graph, and what they say of the user who gave them."""

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.descriptors import BinaryTask, RegressionTask
from pipelines.models.engine import tf
from pipelines.models.multitask.towers import Inputs, User
from pipelines.models.statistics import HeadMeans
from pipelines.models.tasks import meets

Tensor = Any
HeadTask = BinaryTask | RegressionTask

PRIOR_EVENTS = 3.0
"""Events with a residual of 0 that every user is given."""
HALF_LIFE_EVENTS = 10.0
"""For the recent mean: that many events further back, a label weighs half."""
SMALLEST_SPREAD = 1e-6
"""Of the items' means; less is the noise of sums, and says nothing of an item."""
NEVER_SEEN = -1
"""A code that no event has."""


class Scale(NamedTuple):
    """Mean and standard deviation of a regression's labels; 0 and 1 for a binary task."""

    means: npt.NDArray[np.float32]
    spreads: npt.NDArray[np.float32]


class Told(NamedTuple):
    """The labels of histories, natural units."""

    labels: Tensor
    """float32 [b, h, heads]"""
    known: Tensor
    """float32 [b, h, heads]; 0 where there is no label."""


class UserNumbers(tf.Module):
    """How a user's labels differ from the items' means, over all of the history and of late.

    Args:
        tasks: The heads' tasks.
        kinds: Kinds of events by code - 1.
        means: Of the items' labels.
    """

    def __init__(self, tasks: list[HeadTask], kinds: list[str], means: HeadMeans) -> None:
        super().__init__()
        self.tasks, self.kinds = tasks, kinds
        self.means = tf.constant(np.vstack([means.means, means.base]), tf.float32)
        spread = means.means.std(axis=0)
        self.spread = tf.constant(np.where(spread > SMALLEST_SPREAD, spread, 1.0), tf.float32)

    def __call__(self, inputs: Inputs, told: Told) -> User:
        """Mean residuals, of all of the history and of late, and its log length."""
        values, known = told
        unknown_item = tf.shape(self.means)[0] - 1
        items = tf.where(inputs.items >= 0, inputs.items, unknown_item)
        residuals = (values - tf.gather(self.means, items)) / self.spread * known
        ages = tf.range(tf.shape(items)[1] - 1, -1, -1)
        recency = tf.pow(2.0, -tf.cast(ages, tf.float32) / HALF_LIFE_EVENTS)[None, :, None]
        overall = tf.reduce_sum(residuals, 1) / (tf.reduce_sum(known, 1) + PRIOR_EVENTS)
        weight = tf.reduce_sum(known * recency, 1) + PRIOR_EVENTS
        recent = tf.reduce_sum(residuals * recency, 1) / weight
        n_events = tf.reduce_sum(tf.cast(inputs.is_event, tf.float32), 1, keepdims=True)
        numbers = tf.concat([overall, recent, tf.math.log(n_events + 1.0) / 4.0], axis=1)
        return User(numbers, self._is_disliked(values, known, residuals))

    def labels(self, inputs: Inputs) -> Told:
        """The labels of the history; twin of `models.tasks.labels`."""
        has_value = tf.math.is_finite(inputs.values)
        values = tf.where(has_value, inputs.values, 0.0)
        columns, known = [], []
        for task in self.tasks:
            if isinstance(task, RegressionTask):
                columns.append(values)
                known.append(has_value & inputs.is_event)
                continue
            positive = meets(task.label, lambda k: inputs.kinds == self._code(k), inputs.values)
            columns.append(tf.cast(inputs.is_event & positive, tf.float32))
            known.append(inputs.is_event & (has_value if task.label.value else True))
        shape = tf.concat([tf.shape(inputs.items), [len(self.tasks)]], axis=0)
        if not self.tasks:
            return Told(tf.zeros(shape), tf.zeros(shape))
        return Told(tf.stack(columns, axis=2), tf.cast(tf.stack(known, axis=2), tf.float32))

    def _is_disliked(self, values: Tensor, known: Tensor, residuals: Tensor) -> Tensor:
        """[b, h]: what a binary task calls negative by value, else what falls short of others'."""
        is_negative = [
            known[..., place] * (1.0 - values[..., place])
            for place, task in enumerate(self.tasks)
            if isinstance(task, BinaryTask) and task.label.value is not None
        ]
        if is_negative:
            return is_negative[0]
        return tf.cast(tf.reduce_any(residuals < 0.0, axis=2), tf.float32)

    def _code(self, kind: str) -> int:
        return self.kinds.index(kind) + 1 if kind in self.kinds else NEVER_SEEN
