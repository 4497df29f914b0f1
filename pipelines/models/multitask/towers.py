"""The candidate tower, hybrid, and the query tower, which reads a history in order.

Additive attention pooling after Bahdanau et al., "Neural machine translation by jointly learning
to align and translate" (2015), with several heads; the catalogue's vectors are shared by both
towers.
"""

import math
from typing import Any, NamedTuple

from pipelines.models.engine import tf
from pipelines.models.multitask.experts import Experts
from pipelines.models.statistics import DAY_US

Tensor = Any
layers = tf.keras.layers

HEADS = 4
AGE_BUCKETS = 24
"""Powers of 2 of seconds: up to 2^24 s, half a year."""
UNTOLD_SHARE = 0.1
"""Of events shown without value and kind while fitting: clients may leave them out."""
CLOCK_HALF_LIVES_DAYS = (7.0, 30.0, 90.0)
"""How far from the end of the fit window a moment lies: what was chosen then, and what is now."""
LENGTH_BUCKETS = 8
"""Powers of 2 of events."""


class Inputs(NamedTuple):
    """A batch of queries, encoded; h = history."""

    items: Tensor
    """int32 [b, h]; -1 = not in the catalogue or padding."""
    is_event: Tensor
    """bool [b, h]."""
    kinds: Tensor
    """int32 [b, h]; 0 = unknown or padding."""
    values: Tensor
    """float32 [b, h]; NaN = none."""
    timestamps: Tensor
    """int64 [b, h], microseconds."""
    profile: Tensor
    """int32 [b, fields]; 0 = unknown."""
    now: Tensor
    """int64 [b], microseconds."""


class User(NamedTuple):
    """What the labels of a history say of its user."""

    numbers: Tensor
    """[b, numbers]"""
    is_disliked: Tensor
    """float32 [b, h]; 1 where the user was less pleased than others were."""


class Sizes(NamedTuple):
    """What the query tower's tables must hold."""

    dim: int
    max_history: int
    n_kinds: int
    n_profile_codes: int
    value_edges: list[float]
    dropout: float
    item_dropout: float
    n_tasks: int
    n_experts: int
    until: int
    """Where the fit window ends, microseconds."""


class CandidateTower(tf.keras.layers.Layer):
    """Vectors of the whole catalogue: an own part, content and numbers.

    Args:
        content: [n, features] float32.
        numbers: [n, numbers] float32.
        is_warm: [n] float32; 0 for items that nobody has chosen: they have no own part.
        dim: Of the vectors.
        id_dropout: Share of items that are shown without their own part, so that content learns
            to stand for itself.
    """

    def __init__(
        self, content: Any, numbers: Any, is_warm: Any, dim: int, id_dropout: float
    ) -> None:
        super().__init__(name="candidate_tower")
        self.content = tf.constant(content)
        self.numbers = tf.constant(numbers)
        self.is_warm = tf.constant(is_warm)[:, None]
        self.own = self.add_weight("own", [len(content), dim], initializer=_small())
        self.from_content = layers.Dense(dim, use_bias=False, kernel_initializer=_small())
        self.from_numbers = layers.Dense(dim, kernel_initializer=_small())
        self.id_dropout = layers.Dropout(id_dropout, noise_shape=[None, 1])

    def call(self, rows: Tensor, training: bool = False) -> Tensor:
        """[m, dim] float32, of the given rows of the catalogue, int32 [m]."""
        keep = self.id_dropout(tf.gather(self.is_warm, rows), training=training)
        content = self.from_content(tf.gather(self.content, rows))
        numbers = self.from_numbers(tf.gather(self.numbers, rows))
        return tf.gather(self.own, rows) * keep + content + numbers


class Queries(NamedTuple):
    """What the query tower says of a batch."""

    by_task: list[Tensor]
    """[b, dim] for each task."""
    shares: Tensor
    """[b, tasks, experts]; how much of each expert each task reads."""


class QueryTower(tf.keras.layers.Layer):
    """Who asks, by what they did: a vector for each task. No user id goes in."""

    def __init__(self, sizes: Sizes) -> None:
        super().__init__(name="query_tower")
        dim = sizes.dim
        self.sizes = sizes
        self.edges = tf.constant(sizes.value_edges, tf.float32)
        self.of_value = _embedding(len(sizes.value_edges) + 2, dim)
        self.of_age = _embedding(AGE_BUCKETS + 1, dim)
        self.of_position = _embedding(sizes.max_history, dim)
        self.of_kind = _embedding(sizes.n_kinds + 1, dim)
        self.of_profile = _embedding(sizes.n_profile_codes, dim // 2)
        self.of_length = _embedding(LENGTH_BUCKETS, dim // 2)
        self.of_gap = _embedding(AGE_BUCKETS + 1, dim // 2)
        self.norm_events = layers.LayerNormalization()
        self.norm_query = layers.LayerNormalization()
        self.dropout = layers.Dropout(sizes.dropout)
        self.item_dropout = layers.Dropout(sizes.item_dropout, noise_shape=[None, None, 1])
        self.attend = tf.keras.Sequential(
            [layers.Dense(dim, activation="tanh"), layers.Dense(HEADS)]
        )
        self.to_values = layers.Dense(dim)
        self.experts = Experts(sizes.n_experts, sizes.n_tasks, dim, sizes.dropout)

    def call(self, inputs: Inputs, vectors: Tensor, user: User, training: bool = False) -> Queries:
        """Reads the history and says what the query is after.

        Args:
            inputs: The batch; its items are rows of `vectors`.
            vectors: [n, dim], of the candidate tower.
            user: What the labels of the history say.
            training: Whether to drop out.
        """
        is_item = tf.cast(inputs.items >= 0, tf.float32)[..., None]
        items = tf.gather(vectors, tf.maximum(inputs.items, 0)) * is_item
        items = self.item_dropout(items, training=training)
        pooled = self._pooled(inputs, items, training)
        disliked = is_item * user.is_disliked[..., None]
        seen = tf.concat(
            [
                pooled,
                _mean(items, is_item),
                _mean(items, disliked),
                self._side(inputs),
                self._clock(inputs.now),
                user.numbers,
            ],
            axis=1,
        )
        mixed = self.experts(seen, training=training)
        by_task = [self.norm_query(pooled + own) for own in mixed]
        return Queries(by_task, self.experts.shares(seen))

    def _pooled(self, inputs: Inputs, items: Tensor, training: bool) -> Tensor:
        length, dim = tf.shape(items)[1], self.sizes.dim
        positions = tf.range(length - 1, -1, -1)  # 0 = the newest, however long the padding
        ages = log2_seconds(inputs.now[:, None] - inputs.timestamps)
        values, kinds = value_codes(inputs.values, self.edges), inputs.kinds
        if training:
            is_told = tf.random.uniform(tf.shape(kinds)) >= UNTOLD_SHARE
            values, kinds = tf.where(is_told, values, 0), tf.where(is_told, kinds, 0)
        events = items + self.of_value(values) + self.of_kind(kinds)
        events += self.of_age(ages) + self.of_position(positions)[None]
        events = self.dropout(self.norm_events(events), training=training)
        logits = tf.where(inputs.is_event[..., None], self.attend(events), -1e9)
        shares = tf.nn.softmax(logits, axis=1) * tf.cast(inputs.is_event, tf.float32)[..., None]
        parts = tf.reshape(self.to_values(events), [-1, length, HEADS, dim // HEADS])
        return tf.reshape(tf.reduce_sum(shares[..., None] * parts, axis=1), [-1, dim])

    def _clock(self, now: Tensor) -> Tensor:
        days = tf.cast(tf.maximum(self.sizes.until - now, 0), tf.float32) / DAY_US
        return tf.stack([tf.pow(2.0, -days / half) for half in CLOCK_HALF_LIVES_DAYS], axis=1)

    def _side(self, inputs: Inputs) -> Tensor:
        n_events = tf.reduce_sum(tf.cast(inputs.is_event, tf.float32), axis=1)
        lengths = tf.cast(tf.math.log(n_events + 1.0) / math.log(2.0), tf.int32)
        newest = tf.reduce_max(tf.where(inputs.is_event, inputs.timestamps, 0), axis=1)
        newest = tf.maximum(newest, 0)  # of nothing at all the maximum is the smallest integer
        gaps = log2_seconds(inputs.now - newest)
        side = self.of_length(tf.minimum(lengths, LENGTH_BUCKETS - 1)) + self.of_gap(gaps)
        return side + tf.reduce_sum(self.of_profile(inputs.profile), axis=1)


def log2_seconds(microseconds: Tensor) -> Tensor:
    """Buckets of ages, 0 to AGE_BUCKETS: powers of 2 of seconds."""
    seconds = tf.cast(tf.maximum(microseconds, 0), tf.float32) / 1e6
    buckets = tf.cast(tf.math.log(seconds + 1.0) / math.log(2.0), tf.int32)
    return tf.minimum(buckets, AGE_BUCKETS)


def value_codes(values: Tensor, edges: Tensor) -> Tensor:
    """[b, h] int32: 1 and up by range of values, 0 where there is none."""
    is_known = tf.math.is_finite(values)
    found = tf.searchsorted(edges, tf.reshape(tf.where(is_known, values, 0.0), [-1]))
    return tf.where(is_known, tf.reshape(found, tf.shape(values)) + 1, 0)


def _embedding(size: int, dim: int) -> Any:
    return layers.Embedding(size, dim, embeddings_initializer=_small())


def _mean(items: Tensor, weights: Tensor) -> Tensor:
    return tf.reduce_sum(items * weights, axis=1) / tf.maximum(tf.reduce_sum(weights, axis=1), 1.0)


def _small() -> Any:
    return tf.keras.initializers.RandomNormal(0.0, 0.1)
