"""An honest program with something done to its questions or to its answers, behind one contract."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from benchmarks.bad_models.contract import CONTEXT, Original, Tensor
from pipelines.models.engine import tf

NO_SCORE = -np.inf


class Asked(NamedTuple):
    """Whom and when we recommend for, [b] requests; fields as the contract names them."""

    item_ids: Tensor
    events: Tensor
    values: Tensor
    timestamps: Tensor
    profile: Tensor
    now: Tensor


class Said(NamedTuple):
    """What the honest program says of its whole catalogue."""

    scores: Tensor
    """float32 [b, n]"""
    predictions: Tensor
    """float32 [b, n, heads]"""


@dataclass(frozen=True)
class Change:
    """What is done to an honest program."""

    ask: Callable[[Asked], Asked] = lambda asked: asked
    """What it is asked in place of the question."""
    say: Callable[[Asked, Said], Said] = lambda _, said: said
    """What is said in place of its answer, by the true question."""
    is_masked: bool = True
    """Whether excluded items are left out."""
    names: list[str] | None = None
    """Other names for its catalogue."""
    keep: list[Any] = field(default_factory=list)
    """Variables that `ask` or `say` read."""


class Program(tf.Module):
    """The served signatures over a changed program."""

    def __init__(self, original: Original, change: Change) -> None:
        super().__init__()
        self.honest = original.loaded  # its tables and variables must be saved with ours
        self.keep = change.keep
        self.change = change
        self.known = tf.constant(original.item_ids, tf.string)
        self.names = tf.constant(change.names or original.item_ids, tf.string)
        self.n_items = len(original.item_ids)
        self.n_profile = len(original.manifest["profile_fields"])
        rows = tf.range(self.n_items, dtype=tf.int32)
        self.rows = tf.lookup.StaticHashTable(
            tf.lookup.KeyValueTensorInitializer(self.names, rows), -1
        )

    def signatures(self) -> dict[str, Any]:
        """The functions to export, by name."""
        context = self.context_specs()
        weights = tf.TensorSpec([None, None], tf.float32)
        allow, k = tf.TensorSpec([None, None], tf.bool), tf.TensorSpec([], tf.int32)
        ids, some = tf.TensorSpec([None], tf.string), tf.TensorSpec([None, None], tf.string)
        made = {
            "recommend": (self.recommend, (*context, allow, weights, k)),
            "rank": (self.rank, (*context, weights, some)),
            "similar": (self.similar, (ids, k)),
            "item_vectors": (self.item_vectors, ()),
        }
        return {
            name: tf.function(function, input_signature=specs)
            for name, (function, specs) in made.items()
        }

    def context_specs(self) -> tuple[Any, ...]:
        """Shapes and types of the question."""
        shape = [None, None]
        return (
            tf.TensorSpec(shape, tf.string),
            tf.TensorSpec(shape, tf.string),
            tf.TensorSpec(shape, tf.float32),
            tf.TensorSpec(shape, tf.int64),
            tf.TensorSpec([None, self.n_profile], tf.string),
            tf.TensorSpec([None], tf.int64),
        )

    def recommend(
        self,
        history_item_ids: Tensor,
        history_events: Tensor,
        history_values: Tensor,
        history_timestamps: Tensor,
        profile: Tensor,
        now: Tensor,
        allow: Tensor,
        task_weights: Tensor,
        k: Tensor,
    ) -> dict[str, Tensor]:
        """The best k."""
        history = (history_item_ids, history_events, history_values, history_timestamps)
        scores, predictions = self._say(Asked(*history, profile, now), task_weights)
        if self.change.is_masked:
            missing = tf.where(tf.shape(allow)[1] > 0, 0, self.n_items)
            is_allowed = tf.pad(allow, [[0, 0], [0, missing]], constant_values=True)
            scores = tf.where(is_allowed, scores, NO_SCORE)
        found = tf.math.top_k(scores, tf.minimum(k, self.n_items))
        short = k - tf.shape(found.values)[1]
        is_real = found.values > NO_SCORE
        ids = tf.where(is_real, tf.gather(self.names, found.indices), "")
        chosen = tf.gather(predictions, found.indices, batch_dims=1)
        chosen = tf.where(is_real[..., None], chosen, np.nan)
        return {
            "item_ids": tf.pad(ids, [[0, 0], [0, short]], constant_values=""),
            "scores": tf.pad(found.values, [[0, 0], [0, short]], constant_values=NO_SCORE),
            "predictions": tf.pad(chosen, [[0, 0], [0, short], [0, 0]], constant_values=np.nan),
        }

    def rank(
        self,
        history_item_ids: Tensor,
        history_events: Tensor,
        history_values: Tensor,
        history_timestamps: Tensor,
        profile: Tensor,
        now: Tensor,
        task_weights: Tensor,
        item_ids: Tensor,
    ) -> dict[str, Tensor]:
        """Scores and predictions of given items."""
        history = (history_item_ids, history_events, history_values, history_timestamps)
        said = self._say(Asked(*history, profile, now), task_weights)
        rows = self.rows.lookup(item_ids)
        is_known, rows = rows >= 0, tf.maximum(rows, 0)
        scores = tf.gather(said.scores, rows, batch_dims=1)
        predictions = tf.gather(said.predictions, rows, batch_dims=1)
        return {
            "scores": tf.where(is_known, scores, NO_SCORE),
            "predictions": tf.where(is_known[..., None], predictions, np.nan),
        }

    def similar(self, item_ids: Tensor, k: Tensor) -> dict[str, Tensor]:
        """As the honest program says."""
        return dict(self.honest.signatures["similar"](item_ids=item_ids, k=k))

    def item_vectors(self) -> dict[str, Tensor]:
        """As the honest program says."""
        return dict(self.honest.signatures["item_vectors"]())

    def _say(self, asked: Asked, task_weights: Tensor) -> Said:
        question = dict(zip(CONTEXT, self.change.ask(asked), strict=True))
        everything = tf.tile(self.known[None], [tf.shape(asked.now)[0], 1])
        answer = self.honest.signatures["rank"](
            **question, task_weights=task_weights, item_ids=everything
        )
        return self.change.say(asked, Said(answer["scores"], answer["predictions"]))
