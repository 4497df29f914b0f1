"""What a task of the descriptor says about interactions: positives, labels, and who has one."""

from collections.abc import Callable
from functools import reduce
from operator import and_
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.descriptors import BinaryTask, RegressionTask, Rule

Floats = npt.NDArray[np.float32]
Booleans = npt.NDArray[np.bool_]


class Labels(NamedTuple):
    """Labels of one head for some interactions."""

    values: Floats
    """0 or 1 for a binary task, the value for a regression; 0 where unknown."""
    known: Booleans
    """False where the interaction says nothing about the task."""


def meets(rule: Rule, is_kind: Callable[[str], Any], values: Any) -> Any:
    """Where all that the rule asks for holds, as a mask; for arrays and for tensors in a graph.

    Args:
        rule: Of a task.
        is_kind: The mask of a kind of event.
        values: The events' values; a missing one is NaN, which reaches no threshold.
    """
    parts = []
    if rule.event is not None:
        parts.append(is_kind(rule.event))
    if rule.value is not None:
        parts.append(values >= rule.value.at_least)
    return reduce(and_, parts)


def is_positive(rule: Rule, events: npt.NDArray[np.object_], values: Floats) -> Booleans:
    """Which interactions the rule calls positive."""
    positive: Booleans = meets(rule, lambda kind: events == kind, values)
    return positive


def labels(
    task: BinaryTask | RegressionTask, events: npt.NDArray[np.object_], values: Floats
) -> Labels:
    """The labels that interactions give to a head.

    An interaction without a value has no label where the task asks for one.
    """
    has_value = ~np.isnan(values)
    if isinstance(task, RegressionTask):
        return Labels(np.where(has_value, values, 0).astype(np.float32), has_value)
    positive = is_positive(task.label, events, values)
    known = has_value if task.label.value is not None else np.ones(len(events), dtype=bool)
    return Labels((positive & known).astype(np.float32), known)
