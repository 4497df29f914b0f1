"""Heads: how well an item answers a query for each task.

The first layer of a ranking head is split into a part of the query and a part of the item, so that
it costs one row of numbers per query and per item, not per pair.
"""

from typing import Any, NamedTuple

from pipelines.descriptors import RetrievalTask, Task
from pipelines.models.engine import tf
from pipelines.models.multitask.factors import as_items
from pipelines.models.multitask.reading import Reading

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

    def call(self, queries: Tensor, vectors: Tensor, rows: Tensor) -> Tensor:
        """[b, m] float32 logits of the given rows of the catalogue, whose vectors are [m, dim]."""
        bias = tf.gather(self.start + self.own * self.is_warm, rows)
        return self.scale * tf.matmul(queries, vectors, transpose_b=True) + bias


class Part(NamedTuple):
    """What a ranking head needs of a query, or of an item."""

    hidden: Tensor
    """[…, width]"""
    factors: Tensor
    """[…, rank]"""
    linear: Tensor
    """[…]"""
    live: Tensor
    """[…, heads, 2 + dim]; products are what the factorisation predicts for each head's task."""


class RankingHead(tf.keras.layers.Layer):
    """A binary or a regression task: raw outputs, a logit or standardised units.

    The factorisation's live predictions for all heads are inputs of the network, and terms by
    themselves, of which its own starts at 1.

    Args:
        name: Of the task.
        width: Of the hidden layer.
        rank: Of the bilinear form.
        place: Of this head among all.
        n_heads: How many there are.
    """

    def __init__(self, name: str, width: int, rank: int, place: int, n_heads: int) -> None:
        super().__init__(name=f"head_{name}")
        self.query_hidden, self.item_hidden = layers.Dense(width), layers.Dense(width)
        self.query_factors = layers.Dense(rank, use_bias=False)
        self.item_factors = layers.Dense(rank, use_bias=False)
        self.query_linear = layers.Dense(1, kernel_initializer="zeros")
        self.item_linear = layers.Dense(1, kernel_initializer="zeros")
        self.output_layer = layers.Dense(1, use_bias=False)
        self.live_hidden = layers.Dense(width, use_bias=False, kernel_initializer="zeros")
        own = tf.one_hot(place, n_heads)
        self.live_trust = self.add_weight(
            "live_trust", [n_heads], initializer=lambda _shape, dtype: tf.cast(own, dtype)
        )

    def query_part(self, queries: Tensor, numbers: Tensor, live: Tensor) -> Part:
        """Of [b, dim] queries, [b, numbers] and the factorisation's reading of their users."""
        seen = tf.concat([queries, numbers], axis=1)
        linear = tf.squeeze(self.query_linear(seen), axis=-1)
        return Part(self.query_hidden(seen), self.query_factors(queries), linear, live)

    def item_part(self, vectors: Tensor, numbers: Tensor, live: Tensor) -> Part:
        """Of [n, dim] items, [n, numbers] and the factorisation's numbers of theirs."""
        seen = tf.concat([vectors, numbers], axis=1)
        linear = tf.squeeze(self.item_linear(seen), axis=-1)
        return Part(self.item_hidden(seen), self.item_factors(vectors), linear, live)

    def pairs(self, query: Part, item: Part) -> Tensor:
        """[…] for pairs of a query and an item, whose parts have the same leading shape or 1s."""
        bilinear = tf.reduce_sum(query.factors * item.factors, axis=-1)
        live = tf.reduce_sum(query.live * item.live, axis=-1)
        hidden = query.hidden + item.hidden
        return self._output(hidden, live) + bilinear + query.linear + item.linear

    def all_items(self, query: Part, item: Part) -> Tensor:
        """[b, n] for all pairs of [b] queries and [n] items."""
        bilinear = tf.matmul(query.factors, item.factors, transpose_b=True)
        live = tf.einsum("bhf,nhf->bnh", query.live, item.live)
        hidden = query.hidden[:, None] + item.hidden[None]
        linear = query.linear[:, None] + item.linear[None]
        return self._output(hidden, live) + bilinear + linear

    def _output(self, hidden: Tensor, live: Tensor) -> Tensor:
        told = tf.nn.gelu(hidden + self.live_hidden(live))
        return tf.squeeze(self.output_layer(told), axis=-1) + tf.linalg.matvec(
            live, self.live_trust
        )


class Heads(tf.Module):
    """The heads of all tasks.

    Args:
        retrieval: In the order of their tasks.
        ranking: In the order of theirs.
        tasks: All tasks, in the descriptor's order.
    """

    def __init__(
        self, retrieval: list[RetrievalHead], ranking: list[RankingHead], tasks: list[Task]
    ) -> None:
        super().__init__()
        self.retrieval, self.ranking = retrieval, ranking
        self.is_retrieval = [isinstance(task, RetrievalTask) for task in tasks]

    def logits(self, reading: Reading, number: int, vectors: Tensor, rows: Tensor) -> Tensor:
        """[b, m]: what a retrieval task says of the items at some rows of the catalogue.

        Args:
            reading: Of [b] queries.
            number: Of the retrieval task.
            vectors: [m, dim]
            rows: int32 [m]
        """
        query = self._queries(reading, of_retrieval=True)[number]
        return self.retrieval[number](query, vectors, rows) + reading.remembered(rows)

    def item_parts(self, vectors: Tensor, numbers: Tensor, factors: Tensor) -> list[Part]:
        """Of [n, dim] items, [n, numbers] and [heads, n, 1 + dim] of theirs, for each head."""
        live = as_items(tf.transpose(factors, [1, 0, 2]))
        return [head.item_part(vectors, numbers, live) for head in self.ranking]

    def query_parts(self, reading: Reading) -> list[Part]:
        """For each ranking head."""
        queries = self._queries(reading, of_retrieval=False)
        return [
            head.query_part(query, reading.numbers, reading.live)
            for head, query in zip(self.ranking, queries, strict=True)
        ]

    def all_items(self, reading: Reading, vectors: Tensor, parts: list[Part]) -> list[Tensor]:
        """[b, n] for each task: logits, or raw outputs.

        Args:
            reading: Of [b] queries.
            vectors: [n, dim] of the whole catalogue.
            parts: Of the items, for each ranking head.
        """
        rows = tf.range(tf.shape(vectors)[0])
        logits = (
            self.logits(reading, number, vectors, rows) for number in range(len(self.retrieval))
        )
        raw = (
            head.all_items(query, item)
            for head, query, item in zip(
                self.ranking, self.query_parts(reading), parts, strict=True
            )
        )
        return [next(logits) if is_retrieval else next(raw) for is_retrieval in self.is_retrieval]

    def _queries(self, reading: Reading, *, of_retrieval: bool) -> list[Tensor]:
        return [
            query
            for query, is_retrieval in zip(reading.by_task, self.is_retrieval, strict=True)
            if is_retrieval == of_retrieval
        ]
