"""Item-item weights that the model remembers, beside what it learns to generalise.

The wide part of a wide and deep model (Cheng et al., "Wide & deep learning for recommender
systems", 2016): EASE (Steck, 2019) for items that are chosen together, and sequential rules
(Ludewig and Jannach, "Evaluation of session-based recommendation algorithms", 2018) for items that
follow each other. Both are counted and not learnt by steps, so a page that met weights which had
counted it would trust them too much. Users are therefore dealt into folds: while fitting, a page
reads what was counted without its own user's fold; in service, all that was counted.
"""

import math
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import sparse

from pipelines.models.ease import gram, item_weights
from pipelines.models.engine import tf
from pipelines.models.examples import Ints, PreparedData
from pipelines.models.multitask.towers import AGE_BUCKETS, Inputs, Sizes, log2_seconds, value_codes
from pipelines.models.statistics import Doubles

Tensor = Any
ALL = 0
"""The fold of who is not counted: everybody's counts are read."""
KINDS = 2
"""Chosen together, and chosen after."""
LAGS = 10
"""Pages back that a rule looks."""
RULE_SHRINKAGE = 20.0
"""Successions that every item is given on top of its own."""
START_HALF_LIFE_EVENTS = 5.0
"""Where the weights of a history's places start."""
LARGEST_LOG_WEIGHT = 3.0


def deal(data: PreparedData, n_folds: int) -> Ints:
    """[interactions]: the fold of each one's user, 1 to `n_folds`."""
    _, users = np.unique(data.user_start, return_inverse=True)
    folds: Ints = users % n_folds + 1
    return folds


def without(rows: Ints, folds: Ints, n_folds: int) -> list[Ints]:
    """All rows, then for each fold the rows outside it.

    Args:
        rows: Interactions.
        folds: The fold of each, 1 and up.
        n_folds: How many there are.
    """
    return [rows] + [rows[folds != fold] for fold in range(1, n_folds + 1)]


def count(data: PreparedData, parts: list[Ints], items: Ints, l2: float) -> npt.NDArray[np.float32]:
    """[parts, KINDS, m, m]: weights between m items, from each of the lists of rows.

    Args:
        data: Prepared tables.
        parts: Interactions to count.
        items: [m] rows of the catalogue, ascending.
        l2: Of EASE.
    """
    places = places_of(items, len(data.items))
    return np.stack([_weights(data, rows, places, l2) for rows in parts]).astype(np.float32)


def places_of(items: Ints, n_items: int) -> Ints:
    """[n_items]: where each row of the catalogue stands among `items`; -1 = nowhere."""
    places = np.full(n_items, -1)
    places[items] = np.arange(len(items))
    return places


def successions(data: PreparedData, rows: Ints, places: Ints) -> Doubles:
    """[m, m]: the share of what followed the first item that was the second one.

    An item that came `lag` pages later, up to `LAGS`, counts 1 / lag.
    """
    n_items = int(places.max(initial=-1)) + 1
    starts, page = np.unique(data.page_start[rows], return_inverse=True)
    owners = data.user_start[starts]
    chosen = places[data.item_rows[rows]]
    inside = chosen >= 0
    cells = (np.ones(int(inside.sum())), (page[inside], chosen[inside]))
    on_page = sparse.csr_array(cells, (len(starts), n_items))
    counts = np.zeros((n_items, n_items))
    for lag in range(1, LAGS + 1):
        same = np.flatnonzero(owners[lag:] == owners[:-lag])
        counts += (on_page[same].T @ on_page[same + lag]).toarray() / lag
    shares: Doubles = counts / (counts.sum(axis=1, keepdims=True) + RULE_SHRINKAGE)
    return shares


def _weights(data: PreparedData, rows: Ints, places: Ints, l2: float) -> Doubles:
    chosen = places[data.item_rows[rows]]
    inside = chosen >= 0
    together = gram(data.user_start[rows][inside], chosen[inside], int(places.max()) + 1)
    kinds = (item_weights(together, l2), successions(data, rows, places))
    lengths = [np.sqrt((each**2).sum(axis=1).mean()) for each in kinds]
    return np.stack(
        [each / max(length, 1e-12) for each, length in zip(kinds, lengths, strict=True)]
    )


class Memory(tf.keras.layers.Layer):
    """What the counted weights add to the logits: a weighted sum of rows over the history.

    Args:
        sizes: Of the query tower.
        places: [n]; where each row of the catalogue stands in the weights; -1 = nowhere.
    """

    def __init__(self, sizes: Sizes, places: Ints) -> None:
        super().__init__(name="memory")
        self.places = tf.constant(places, tf.int32)
        self.edges = tf.constant(sizes.value_edges, tf.float32)
        shapes = (sizes.max_history, len(sizes.value_edges) + 2, AGE_BUCKETS + 1)
        self.of_position, self.of_value, self.of_age = (
            self.add_weight(name, [size, KINDS], initializer="zeros")
            for name, size in zip(("of_position", "of_value", "of_age"), shapes, strict=True)
        )
        places = np.arange(sizes.max_history, dtype=np.float32)
        self.start = tf.constant(-places * math.log(2.0) / START_HALF_LIFE_EVENTS)
        self.scale = tf.keras.layers.Dense(
            KINDS, kernel_initializer="zeros", bias_initializer="ones"
        )

    def call(self, inputs: Inputs, numbers: Tensor, counted: Tensor) -> Tensor:
        """[b, m]: what to add to the logits of the items that are remembered.

        Args:
            inputs: The batch.
            numbers: [b, numbers] of the users, who trust it more or less.
            counted: [KINDS, m, m].
        """
        length = tf.shape(inputs.items)[1]
        places = tf.range(length - 1, -1, -1)
        ages = log2_seconds(inputs.now[:, None] - inputs.timestamps)
        logs = tf.gather(self.start[:, None] + self.of_position, places)[None]
        logs += tf.gather(self.of_value, value_codes(inputs.values, self.edges))
        logs += tf.gather(self.of_age, ages)
        items = tf.where(inputs.items >= 0, tf.gather(self.places, tf.maximum(inputs.items, 0)), -1)
        is_known = tf.cast(items >= 0, tf.float32)[..., None]
        events = tf.exp(tf.minimum(logs, LARGEST_LOG_WEIGHT)) * is_known
        batch = tf.shape(inputs.items)[0]
        rows = tf.repeat(tf.range(batch)[:, None], length, axis=1)
        indices = tf.stack([rows, tf.maximum(items, 0)], axis=2)
        scales = tf.exp(tf.minimum(self.scale(numbers), LARGEST_LOG_WEIGHT))
        added = []
        for kind in range(KINDS):
            history = tf.scatter_nd(indices, events[..., kind], [batch, tf.shape(counted)[1]])
            added.append(scales[:, kind, None] * tf.matmul(history, counted[kind]))
        return tf.add_n(added)

    def spread(self, added: Tensor, rows: Tensor) -> Tensor:
        """[b, c]: of the given rows of the catalogue, 0 for what is not remembered."""
        places = tf.gather(self.places, rows)
        found = tf.gather(added, tf.maximum(places, 0), axis=1)
        return tf.where(places >= 0, found, 0.0)
