"""A history, its newest events weighing most, times EASE's weights, plus a popularity prior."""

import numpy as np

from pipelines.descriptors import RetrievalTask
from pipelines.models.closed_form import fitted
from pipelines.models.ease import gram, item_vectors, item_weights
from pipelines.models.engine import tf
from pipelines.models.examples import PreparedData
from pipelines.models.family import Calibration, Fitted
from pipelines.models.recency import recency, summed
from pipelines.models.serving import Answer, Explanation, LinearScorer, Query, Tensor, constant
from pipelines.models.statistics import (
    Doubles,
    head_means,
    positive_rows,
    recent_share,
    task_rows,
)
from pipelines.params import Params


class CfScorer(LinearScorer):
    """A sum over the history.

    Args:
        weights: [items, items] for each retrieval task, or None for a head.
        priors: [tasks, items]; what the score is without a history: popularity, or mean labels.
        predictions: [items, heads]; natural units.
        vectors: [items, dim].
        half_life_events: How many events further back an event weighs half.
    """

    def __init__(
        self,
        weights: list[Doubles | None],
        priors: Doubles,
        predictions: Doubles,
        vectors: Doubles,
        half_life_events: float,
    ) -> None:
        super().__init__()
        self.item_weights = [None if each is None else constant(each) for each in weights]
        self.priors = constant(priors)
        self.predictions = constant(predictions)
        self.vectors = constant(vectors)
        self.half_life_events = half_life_events

    def answer(self, query: Query) -> Answer:
        """History times item-item weights, for each retrieval task."""
        batch = tf.shape(query.now)[0]
        events = recency(query, self.half_life_events)
        columns = []
        for weights, prior in zip(self.item_weights, tf.unstack(self.priors), strict=True):
            own = tf.tile(prior[None], [batch, 1])
            if weights is not None:
                own += summed(query, events, weights)
            columns.append(own)
        predictions = tf.tile(self.predictions[None], [batch, 1, 1])
        return Answer(tf.stack(columns, axis=1), predictions)

    def explain(self, query: Query, items: Tensor, weights: Tensor) -> Explanation:
        """Each event's part, exactly as it is summed."""
        events = recency(query, self.half_life_events)
        history = tf.zeros_like(events)
        targets = tf.broadcast_to(items[:, None], tf.shape(query.items))
        pairs = tf.stack([tf.maximum(query.items, 0), targets], axis=-1)
        for number, matrix in enumerate(self.item_weights):
            if matrix is not None:
                history += weights[:, number, None] * events * tf.gather_nd(matrix, pairs)
        own = tf.gather(tf.transpose(self.priors), items)
        return Explanation(
            history=history,
            profile=tf.zeros(tf.shape(query.profile)),
            features=tf.zeros([tf.shape(query.now)[0], 0]),
            base=tf.reduce_sum(weights * own, axis=1),
        )


def fit(
    data: PreparedData,
    params: Params,
    *,
    until: int,
    epochs: int | None,  # noqa: ARG001  one call for all families; this one has no epochs
    calibration: Calibration | None,  # noqa: ARG001  means of labels need none
) -> Fitted:
    """Solves EASE for each retrieval task; predictions are the items' mean labels."""
    own, means = params.cf, head_means(data, until).means
    half_life, weight = own.prior_half_life_days, own.prior_weight
    priors = task_rows(
        data, means, lambda task: weight * recent_share(data, task, until, half_life)
    )
    matrices: list[Doubles | None] = []
    vectors: list[Doubles] = []
    for task in data.prepared.tasks:
        if isinstance(task, RetrievalTask):
            together = _together(data, task, until)
            matrices.append(item_weights(together, own.l2))
            vectors.append(item_vectors(together))
        else:
            matrices.append(None)
    scorer = CfScorer(matrices, priors, means, np.concatenate(vectors, 1), own.half_life_events)
    notes = "The score is a sum over the history (EASE); without one, recent popularity."
    return fitted("cf", scorer, data, own.max_history, notes)


def _together(data: PreparedData, task: RetrievalTask, until: int) -> Doubles:
    rows = positive_rows(data, task, until)
    return gram(data.user_start[rows], data.item_rows[rows], len(data.items))
