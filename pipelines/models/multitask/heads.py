"""Heads: how well an item answers a query for each task, for the whole catalogue at once.

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


class QueryPart(NamedTuple):
    """What the ranking heads need of a query."""

    hidden: Tensor
    factors: Tensor
    linear: Tensor


class ItemPart(NamedTuple):
    """What the ranking heads need of an item."""

    hidden: Tensor
    factors: Tensor
    linear: Tensor


class RankingHeads(tf.keras.layers.Layer):
    """All binary and regression tasks over a shared bottom: raw outputs, standardised units.

    Args:
        n_heads: How many.
        width: Of the shared hidden layer.
        rank: Of each head's bilinear form.
    """

    def __init__(self, n_heads: int, width: int, rank: int) -> None:
        super().__init__(name="ranking_heads")
        self.n_heads, self.rank = n_heads, rank
        units = max(1, n_heads)  # Keras has no layer of no units: without heads its output is cut
        self.query_hidden = layers.Dense(width)
        self.item_hidden = layers.Dense(width)
        self.query_factors = layers.Dense(units * rank, use_bias=False)
        self.item_factors = layers.Dense(units * rank, use_bias=False)
        self.query_linear = layers.Dense(units, kernel_initializer="zeros")
        self.item_linear = layers.Dense(units, kernel_initializer="zeros")
        self.outputs = layers.Dense(units, use_bias=False)

    def query_part(self, queries: Tensor, numbers: Tensor) -> QueryPart:
        """Of [b, dim] queries and [b, numbers] of their users."""
        seen = tf.concat([queries, numbers], axis=1)
        factors = tf.reshape(self.query_factors(queries), [tf.shape(queries)[0], -1, self.rank])
        return QueryPart(self.query_hidden(seen), factors, self.query_linear(seen))

    def item_part(self, vectors: Tensor, numbers: Tensor) -> ItemPart:
        """Of [n, dim] items and [n, numbers] of theirs."""
        seen = tf.concat([vectors, numbers], axis=1)
        factors = tf.reshape(self.item_factors(vectors), [tf.shape(vectors)[0], -1, self.rank])
        return ItemPart(self.item_hidden(seen), factors, self.item_linear(seen))

    def pairs(self, query: QueryPart, item: ItemPart) -> Tensor:
        """[m, heads] for m pairs of a query and an item."""
        hidden = tf.nn.gelu(query.hidden + item.hidden)
        bilinear = tf.reduce_sum(query.factors * item.factors, axis=2)
        raw = self.outputs(hidden) + bilinear + query.linear + item.linear
        return raw[..., : self.n_heads]

    def all_items(self, query: QueryPart, item: ItemPart) -> Tensor:
        """[b, n, heads] for all items."""
        hidden = tf.nn.gelu(query.hidden[:, None] + item.hidden[None])
        bilinear = tf.einsum("bhr,nhr->bnh", query.factors, item.factors)
        raw = self.outputs(hidden) + bilinear + query.linear[:, None] + item.linear[None]
        return raw[..., : self.n_heads]
