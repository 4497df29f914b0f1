"""Heads: how well an item answers a query for each task.

The first layer of a ranking head is split into a part of the query and a part of the item, so that
it costs one row of numbers per query and per item, not per pair.
"""

from typing import Any, NamedTuple

from pipelines.models.engine import tf

Tensor = Any
layers = tf.keras.layers


class RetrievalHead(tf.keras.layers.Layer):
    """Scores scale * q.v + bias for one retrieval task.

    Args:
        log_share: [n] float32; log popularity of the task's positives, where biases start.
        is_warm: [n] float32; 0 for items that nobody has chosen.
        dim: Of the vectors.
    """

    def __init__(self, name: str, log_share: Any, is_warm: Any, dim: int) -> None:
        super().__init__(name=name)
        self.start = tf.constant(log_share, tf.float32) * 0.5
        self.is_warm = tf.constant(is_warm)
        self.own = self.add_weight("own_bias", [len(log_share)], initializer="zeros")
        self.scale = self.add_weight(
            "scale", [], initializer=tf.keras.initializers.Constant(dim**-0.5)
        )

    def call(self, queries: Tensor, vectors: Tensor) -> Tensor:
        """[b, n] float32 logits."""
        bias = self.start + self.own * self.is_warm
        return self.scale * tf.matmul(queries, vectors, transpose_b=True) + bias


class Part(NamedTuple):
    """What a ranking head needs of a query, or of an item."""

    hidden: Tensor
    """[…, width]"""
    factors: Tensor
    """[…, rank]"""
    linear: Tensor
    """[…]"""


class RankingHead(tf.keras.layers.Layer):
    """A binary or a regression task: raw outputs, a logit or standardised units.

    Args:
        name: Of the task.
        width: Of the hidden layer.
        rank: Of the bilinear form.
    """

    def __init__(self, name: str, width: int, rank: int) -> None:
        super().__init__(name=f"head_{name}")
        self.query_hidden, self.item_hidden = layers.Dense(width), layers.Dense(width)
        self.query_factors = layers.Dense(rank, use_bias=False)
        self.item_factors = layers.Dense(rank, use_bias=False)
        self.query_linear = layers.Dense(1, kernel_initializer="zeros")
        self.item_linear = layers.Dense(1, kernel_initializer="zeros")
        self.output_layer = layers.Dense(1, use_bias=False)

    def query_part(self, queries: Tensor, numbers: Tensor) -> Part:
        """Of [b, dim] queries and [b, numbers] of their users."""
        seen = tf.concat([queries, numbers], axis=1)
        linear = tf.squeeze(self.query_linear(seen), axis=-1)
        return Part(self.query_hidden(seen), self.query_factors(queries), linear)

    def item_part(self, vectors: Tensor, numbers: Tensor) -> Part:
        """Of [n, dim] items and [n, numbers] of theirs."""
        seen = tf.concat([vectors, numbers], axis=1)
        linear = tf.squeeze(self.item_linear(seen), axis=-1)
        return Part(self.item_hidden(seen), self.item_factors(vectors), linear)

    def pairs(self, query: Part, item: Part) -> Tensor:
        """[…] for pairs of a query and an item, whose parts have the same leading shape or 1s."""
        hidden = tf.nn.gelu(query.hidden + item.hidden)
        bilinear = tf.reduce_sum(query.factors * item.factors, axis=-1)
        output = tf.squeeze(self.output_layer(hidden), axis=-1)
        return output + bilinear + query.linear + item.linear

    def all_items(self, query: Part, item: Part) -> Tensor:
        """[b, n] for all pairs of [b] queries and [n] items."""
        hidden = tf.nn.gelu(query.hidden[:, None] + item.hidden[None])
        bilinear = tf.matmul(query.factors, item.factors, transpose_b=True)
        output = tf.squeeze(self.output_layer(hidden), axis=-1)
        return output + bilinear + query.linear[:, None] + item.linear[None]
