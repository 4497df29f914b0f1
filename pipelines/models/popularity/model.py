"""What was chosen most of late, the same for everybody."""

import numpy as np

from pipelines.models.closed_form import fitted
from pipelines.models.engine import tf
from pipelines.models.examples import PreparedData
from pipelines.models.family import Calibration, Fitted
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
from pipelines.models.statistics import (
    Doubles,
    decayed_counts,
    head_means,
    standardised,
    task_rows,
)
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
        nothing = tf.zeros(tf.shape(query.items))
        return of_history(query, nothing, weighted(self.components, items, weights))


def fit(
    data: PreparedData,
    params: Params,
    *,
    until: int,
    epochs: int | None,  # noqa: ARG001  one call for all families; this one has no epochs
    calibration: Calibration | None,  # noqa: ARG001  means of labels need none
) -> Fitted:
    """Counts events with decay; predictions are the items' mean labels."""
    half_life, means = params.popularity.half_life_days, head_means(data, until).means
    components = task_rows(
        data, means, lambda task: log_share(decayed_counts(data, task, until, half_life))
    )
    notes = "The score is the log share of recent events; the history plays no part."
    return fitted("popularity", PopularityScorer(components, means), data, 0, notes)


def log_share(counts: Doubles) -> Doubles:
    """The log of each item's share of the events, smoothed."""
    smoothed = counts + SMOOTHING
    shares: Doubles = np.log(smoothed / smoothed.sum())
    return shares
