"""The cosine of an item and what the history was like, plus a popularity prior.

A profile in the sense of Rocchio ("Relevance feedback in information retrieval", 1971): the sum of
what was chosen, the newest weighing most, with a weight of its own for what was disliked. Nothing
of it needs an interaction with the item that is scored, so a new item is scored like any other.
"""

import numpy as np
import numpy.typing as npt

from pipelines.descriptors import BinaryTask, RetrievalTask, Task
from pipelines.models.closed_form import fitted
from pipelines.models.engine import tf
from pipelines.models.examples import PreparedData
from pipelines.models.family import Calibration, Fitted
from pipelines.models.item_features import item_features
from pipelines.models.recency import recency, summed
from pipelines.models.serving import (
    Answer,
    Explanation,
    LinearScorer,
    Query,
    Tensor,
    constant,
    of_history,
    weighted,
)
from pipelines.models.statistics import Doubles, head_means, recent_share, task_rows
from pipelines.models.tasks import meets
from pipelines.params import ContentParams, Params

SHORTEST = 0.01
"""A profile shorter than that is not stretched to length 1: likes and dislikes cancel out in it,
and what is left is rounding."""


class ContentScorer(LinearScorer):
    """Cosines for the retrieval tasks; a head's part of the score is the item's mean label.

    Items with equal features share one row, so that a large catalogue of few kinds stays small.

    Args:
        vectors: [items, features], rows of length 1 or 0.
        priors: [tasks, items]; what the score is without a history: popularity, or mean labels.
        predictions: [items, heads]; natural units.
        tasks: In the descriptor's order.
        params: The family's own.
    """

    def __init__(
        self,
        vectors: Doubles,
        priors: Doubles,
        predictions: Doubles,
        tasks: list[Task],
        params: ContentParams,
    ) -> None:
        super().__init__()
        kinds, places = distinct_rows(vectors)
        self.kinds = constant(kinds)
        self.places = tf.Variable(places, trainable=False, dtype=tf.int32)
        self.priors = constant(priors)
        self.predictions = constant(predictions)
        self.is_retrieval = tf.constant([isinstance(t, RetrievalTask) for t in tasks], tf.float32)
        self.half_life_events = params.half_life_events
        self.disliked_weight = params.disliked_weight
        self.liking = [t.label for t in tasks if isinstance(t, BinaryTask) and t.label.value]

    @property
    def vectors(self) -> Tensor:
        """[items, features], rows of length 1 or 0."""
        return tf.gather(self.kinds, self.places)

    def answer(self, query: Query) -> Answer:
        """Cosines of the profile with all items, beside the priors."""
        batch = tf.shape(query.now)[0]
        profile, _ = self._profile(query)
        cosines = tf.gather(tf.matmul(profile, self.kinds, transpose_b=True), self.places, axis=1)
        return Answer(
            self.priors[None] + self.is_retrieval[None, :, None] * cosines[:, None],
            tf.tile(self.predictions[None], [batch, 1, 1]),
        )

    def explain(self, query: Query, items: Tensor, weights: Tensor) -> Explanation:
        """Each event's part of the cosine, which is a sum over the history."""
        _, shares = self._profile(query)
        chosen = tf.gather(self.kinds, tf.gather(self.places, tf.maximum(query.items, 0)))
        asked = tf.gather(self.kinds, tf.gather(self.places, items))
        alike = tf.einsum("bhf,bf->bh", chosen, asked)
        of_retrieval = tf.reduce_sum(weights * self.is_retrieval[None], axis=1, keepdims=True)
        history = of_retrieval * shares * alike
        return of_history(query, history, weighted(self.priors, items, weights))

    def _profile(self, query: Query) -> tuple[Tensor, Tensor]:
        """[b, features] of length 1 at most, and [b, h] what each event's row was multiplied by."""
        weights = recency(query, self.half_life_events) * self._liking(query)
        kinds = tf.where(query.items >= 0, tf.gather(self.places, tf.maximum(query.items, 0)), -1)
        profile = summed(query._replace(items=kinds), weights, self.kinds)
        length = tf.maximum(tf.norm(profile, axis=1, keepdims=True), SHORTEST)
        return profile / length, weights / length

    def _liking(self, query: Query) -> Tensor:
        """[b, h]: 1, or the weight of a disliked event where a task knows that it was."""
        is_disliked = tf.zeros(tf.shape(query.items), tf.bool)
        for rule in self.liking:
            is_liked = meets(rule, lambda kind: query.events == kind, query.values)
            is_disliked |= tf.math.is_finite(query.values) & ~(query.is_event & is_liked)
        return tf.where(is_disliked, self.disliked_weight, 1.0)


def distinct_rows(rows: Doubles) -> tuple[Doubles, npt.NDArray[np.int32]]:
    """The different ones of these rows, in the order of their first, and which one each row is."""
    known: dict[bytes, int] = {}
    places = np.array([known.setdefault(row.tobytes(), len(known)) for row in rows], np.int32)
    _, firsts = np.unique(places, return_index=True)
    return rows[firsts], places


def fit(
    data: PreparedData,
    params: Params,
    *,
    until: int,
    epochs: int | None,  # noqa: ARG001  one call for all families; this one has no epochs
    calibration: Calibration | None,  # noqa: ARG001  means of labels need none
) -> Fitted:
    """Reads the newest snapshot's features; predictions are the items' mean labels."""
    own, tasks, means = params.content, list(data.prepared.tasks), head_means(data, until).means
    vectors = item_features(data.items, data.prepared.item_features, own.kind_weights.model_dump())
    # the root of recent popularity is less steep than the counts
    half_life, weight = own.prior_half_life_days, own.prior_weight
    priors = task_rows(
        data, means, lambda task: weight * np.sqrt(recent_share(data, task, until, half_life))
    )
    scorer = ContentScorer(vectors, priors, means, tasks, own)
    notes = (
        "The score is the cosine of an item's features with those of the history, plus recent "
        "popularity."
    )
    return fitted("content", scorer, data, own.max_history, notes)
