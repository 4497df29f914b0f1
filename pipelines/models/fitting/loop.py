"""Epochs of steps, with a check that losses stay finite."""

import math
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import Any, Protocol

from pipelines.errors import NonFinite
from pipelines.progress import track


class Callback(Protocol):
    """Is told of every epoch, may add figures to its row, and may end the fit."""

    def epoch_ended(self, row: dict[str, float]) -> bool:
        """Returns whether to stop."""
        ...


@dataclass(frozen=True)
class Schedule:
    """What an epoch is."""

    epochs: int
    """At most."""
    steps: int
    """Batches of an epoch."""
    batches: Callable[[], Iterator[Any]]
    """A fresh epoch of that many."""


def run(
    step: Callable[[Any], dict[str, Any]],
    schedule: Schedule,
    callbacks: Sequence[Callback],
    description: str,
) -> list[dict[str, float]]:
    """The learning curve: a row per epoch with the mean loss of each task.

    Args:
        step: Learns from one batch and returns the loss of each task.
        schedule: How many epochs of which batches.
        callbacks: Asked in order after each epoch.
        description: What the progress bar says.

    Raises:
        NonFinite: A loss became NaN or infinite, naming epoch and task.
    """
    curve: list[dict[str, float]] = []
    total = schedule.epochs * schedule.steps
    epochs = (schedule.batches() for _ in range(schedule.epochs))
    batches = track(chain.from_iterable(epochs), description, total)
    for epoch in range(1, schedule.epochs + 1):
        losses = [step(batch) for batch in islice(batches, schedule.steps)]
        row = {"epoch": float(epoch), **_means(losses, epoch)}
        curve.append(row)
        stops = [callback.epoch_ended(row) for callback in callbacks]
        if any(stops):
            break
    return curve


def _means(losses: list[dict[str, Any]], epoch: int) -> dict[str, float]:
    means = {}
    for task in losses[0]:
        mean = sum(float(loss[task]) for loss in losses) / len(losses)
        if not math.isfinite(mean):
            raise NonFinite(
                f"the loss of task {task} is {mean} in epoch {epoch}",
                where=[f"task {task}", f"epoch {epoch}"],
                hint="lower multitask.learning_rate, or look for extreme values in the data",
            )
        means[f"loss_{task}"] = mean
    return means
