"""What happens after an epoch: a score on the validation window, early stopping, a log line."""

from collections.abc import Callable
from typing import Any, NamedTuple

from pipelines.progress import log


class Aim(NamedTuple):
    """The figure that an epoch is judged by."""

    name: str
    more_is_better: bool


class EarlyStopping:
    """Keeps the weights of the best epoch, and stops when it lies `patience` epochs back.

    Args:
        model: With `get_weights` and `set_weights`.
        measure: Figures of the model as it is now, for the learning curve; the aim among them.
        aim: Which of them decides.
        patience: Epochs.
    """

    def __init__(
        self, model: Any, measure: Callable[[], dict[str, float]], aim: Aim, patience: int
    ) -> None:
        self._model, self._measure, self._aim, self._patience = model, measure, aim, patience
        self._best_score = float("-inf")
        self._best_weights: Any = None
        self.best_epoch = 0

    def epoch_ended(self, row: dict[str, float]) -> bool:
        """Measures the epoch; True when nothing better came for `patience` epochs."""
        row |= self._measure()
        score = row[self._aim.name] * (1 if self._aim.more_is_better else -1)
        epoch = int(row["epoch"])
        if score > self._best_score:
            self._best_score, self.best_epoch = score, epoch
            self._best_weights = self._model.get_weights()
        return epoch - self.best_epoch >= self._patience

    def restore(self) -> None:
        """Puts the weights of the best epoch back."""
        self._model.set_weights(self._best_weights)


class TellEpoch:
    """Hands each epoch's score on to who asked for it.

    Args:
        on_epoch: Told the epoch and its score; None = nobody asked.
        name: Of the score, in the learning curve.
    """

    def __init__(self, on_epoch: Callable[[int, float], None] | None, name: str) -> None:
        self._on_epoch, self._name = on_epoch, name

    def epoch_ended(self, row: dict[str, float]) -> bool:
        """Tells of the epoch; never stops."""
        if self._on_epoch is not None:
            self._on_epoch(int(row["epoch"]), row[self._name])
        return False


class Watch:
    """Adds figures to the learning curve that decide nothing.

    Args:
        measure: Figures of the model as it is now.
    """

    def __init__(self, measure: Callable[[], dict[str, float]]) -> None:
        self._measure = measure

    def epoch_ended(self, row: dict[str, float]) -> bool:
        """Measures the epoch; never stops."""
        row |= self._measure()
        return False


class LogEpoch:
    """One line per epoch on stderr."""

    def __init__(self, description: str) -> None:
        self._description = description

    def epoch_ended(self, row: dict[str, float]) -> bool:
        """Says the epoch's figures; never stops."""
        figures = ", ".join(f"{name} {value:.4f}" for name, value in row.items() if name != "epoch")
        log(f"{self._description}, epoch {int(row['epoch'])}: {figures}")
        return False
