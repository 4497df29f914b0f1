"""What was chosen most of late, the same for everybody."""

import numpy as np

from pipelines.descriptors import RetrievalTask
from pipelines.models.engine import make_repeatable, tf
from pipelines.models.examples import PreparedData
from pipelines.models.family import Calibration, Fitted
from pipelines.models.serving import (
    Answer,
    Explanation,
    LinearScorer,
    Query,
    Recommender,
    Shape,
    Tensor,
    constant,
)
from pipelines.models.statistics import Doubles, decayed_counts, head_means, standardised
from pipelines.params import Params

SMOOTHING = 0.1
"""Events that every item is given, so that an untouched one has a finite score."""


class PopularityScorer(LinearScorer):
    """One column of scores for all queries.

    Args:
        components: [tasks, items]; log share of decayed events, or standardised mean label.
        predictions: [items, heads]; natural units.
    """

    def __init__(self, components: Doubles, predictions: Doubles) -> None:
        super().__init__()
        self.components = constant(components)
        self.predictions = constant(predictions)
        self.vectors = constant(standardised(components.T))

    def answer(self, query: Query) -> Answer:
        """The same for every row."""
        batch = tf.shape(query.now)[0]
        return Answer(
            tf.tile(self.components[None], [batch, 1, 1]),
            tf.tile(self.predictions[None], [batch, 1, 1]),
        )

    def explain(self, query: Query, items: Tensor, weights: Tensor) -> Explanation:
        """All of the score is the item's own."""
        batch = tf.shape(query.now)[0]
        own = tf.gather(tf.transpose(self.components), items)
        return Explanation(
            history=tf.zeros(tf.shape(query.items)),
            profile=tf.zeros(tf.shape(query.profile)),
            features=tf.zeros([batch, 0]),
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
    """Counts events with decay; predictions are the items' mean labels."""
    make_repeatable(params.fit.seed, params.fit.threads)
    tasks, means = data.prepared.tasks, head_means(data, until).means
    columns, heads = [], iter(standardised(means).T)
    for task in tasks:
        if isinstance(task, RetrievalTask):
            counts = decayed_counts(data, task, until, params.popularity.half_life_days)
            columns.append(log_share(counts))
        else:
            columns.append(next(heads))
    weights = [1.0 if isinstance(task, RetrievalTask) else 0.0 for task in tasks]
    shape = Shape(data.item_ids, means.shape[1], len(data.prepared.profile_fields), 0, weights)
    return Fitted(
        family="popularity",
        module=Recommender(PopularityScorer(np.stack(columns), means), shape),
        max_history=0,
        task_weights=weights,
        epochs=0,
        calibration={},
        learning_curve=[],
        notes="The score is the log share of recent events; the history plays no part.",
    )


def log_share(counts: Doubles) -> Doubles:
    """The log of each item's share of the events, smoothed."""
    smoothed = counts + SMOOTHING
    shares: Doubles = np.log(smoothed / smoothed.sum())
    return shares
