"""What the tasks share of the query tower: one bottom, or a mixture of experts for each task.

MMoE after Ma et al., "Modeling task relationships in multi-task learning with multi-gate
mixture-of-experts" (2018), Eq. (6) and (7): task k reads sum_i g_k(x)_i f_i(x) with a gate
g_k(x) = softmax(W_k x) of its own. With one expert there is no gate, and all tasks read the same.
"""

from typing import Any

from pipelines.models.engine import tf

Tensor = Any
layers = tf.keras.layers


class Experts(tf.keras.layers.Layer):
    """Networks of one hidden layer, mixed for each task.

    Args:
        n_experts: 1 = a shared bottom.
        n_tasks: Gates, where there are several experts.
        dim: Of an expert's output; its hidden layer is twice as wide.
        dropout: Of the hidden layers.
    """

    def __init__(self, n_experts: int, n_tasks: int, dim: int, dropout: float) -> None:
        super().__init__(name="experts")
        self.n_experts, self.n_tasks = n_experts, n_tasks
        self.hidden = [layers.Dense(2 * dim, activation="gelu") for _ in range(n_experts)]
        self.to_output = [layers.Dense(dim) for _ in range(n_experts)]
        self.expert_gates = [
            layers.Dense(n_experts) for _ in range(n_tasks if n_experts > 1 else 0)
        ]
        self.dropout = layers.Dropout(dropout)

    def call(self, seen: Tensor, training: bool = False) -> list[Tensor]:
        """What each task reads, [b, dim], from what the tower has seen, [b, width]."""
        outputs = [
            last(self.dropout(first(seen), training=training))
            for first, last in zip(self.hidden, self.to_output, strict=True)
        ]
        if self.n_experts == 1:
            return outputs * self.n_tasks
        together = tf.stack(outputs, axis=1)
        return [
            tf.reduce_sum(shares[..., None] * together, axis=1)
            for shares in tf.unstack(self.shares(seen), axis=1)
        ]

    def shares(self, seen: Tensor) -> Tensor:
        """[b, tasks, experts]: how much of each expert a task reads; they add up to 1."""
        if self.n_experts == 1:
            return tf.ones([tf.shape(seen)[0], self.n_tasks, 1])
        return tf.stack([tf.nn.softmax(gate(seen)) for gate in self.expert_gates], axis=1)
