"""What the model makes of a batch of queries: the same graph while fitting and in service."""

from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple

from pipelines.models.engine import tf
from pipelines.models.multitask.factors import LiveFactors
from pipelines.models.multitask.labels import UserNumbers
from pipelines.models.multitask.memory import Memory
from pipelines.models.multitask.towers import Inputs, QueryTower

Tensor = Any


class Counted(NamedTuple):
    """What was counted and not learnt by steps, as one fold reads it."""

    memory: Tensor
    """[KINDS, m, m], of the m items that are remembered."""
    factors: Tensor
    """[heads, n, 1 + dim]"""


class Reading(NamedTuple):
    """A batch of queries, read."""

    by_task: list[Tensor]
    """[b, dim] for each task."""
    shares: Tensor
    """[b, tasks, experts]"""
    numbers: Tensor
    """[b, numbers] of the users."""
    live: Tensor
    """[b, heads, 2 + dim]; what the factorisation says of the users."""
    remembered: Callable[[Tensor], Tensor]
    """What the memory adds to the logits of given rows of the catalogue, int32 [c]: [b, c]."""


class Reader(tf.Module):
    """The query side of the model.

    Args:
        tower: Reads histories.
        users: Reads their labels.
        live: Solves for their factors.
        memory: Reads what was counted.
    """

    def __init__(
        self, tower: QueryTower, users: UserNumbers, live: LiveFactors, memory: Memory
    ) -> None:
        super().__init__()
        self.tower, self.users, self.live, self.memory = tower, users, live, memory

    def __call__(
        self,
        inputs: Inputs,
        places: Tensor,
        vectors: Tensor,
        counted: Counted,
        training: bool = False,
    ) -> Reading:
        """Reads histories.

        Args:
            inputs: The batch.
            places: int32 [b, h]; where `vectors` has the history's items, -1 = nowhere.
            vectors: [m, dim] of items.
            counted: What the batch may know of.
            training: Whether to drop out.
        """
        told = self.users.labels(inputs)
        user = self.users(inputs, told)
        by_task, shares = self.tower(
            inputs._replace(items=places), vectors, user, training=training
        )
        live = self.live(inputs.items, told, counted.factors)
        added = self.memory(inputs, user.numbers, counted.memory)
        remembered = partial(self.memory.spread, added)
        return Reading(by_task, shares, user.numbers, live, remembered)
