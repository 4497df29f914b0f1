"""A history, its newest events weighing most, times EASE's weights, plus a popularity prior.

EASE's weights are a square of the catalogue, so that of a large one only the most chosen items have
any; the others are scored by their prior. Where items may be chosen again, what was chosen adds its
own weight: EASE leaves the diagonal out, since it would only say that the past is the past.
"""

from dataclasses import dataclass

import numpy as np

from pipelines.descriptors import RetrievalTask
from pipelines.models.closed_form import fitted
from pipelines.models.ease import gram, item_vectors, item_weights
from pipelines.models.engine import tf
from pipelines.models.examples import Ints, PreparedData
from pipelines.models.family import Calibration, Fitted
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
from pipelines.models.statistics import (
    Doubles,
    head_means,
    known_rows,
    most_chosen,
    positive_rows,
    recent_priors,
)
from pipelines.params import Params


@dataclass(frozen=True)
class ItemWeights:
    """EASE's weights of the most chosen items.

    Args:
        places: [items] the item's row in `by_task`; as many as there are rows: in none.
        by_task: [rows, rows] for each retrieval task, or None for a head.
    """

    places: Ints
    by_task: list[Doubles | None]


@dataclass(frozen=True)
class Fading:
    """How events of a history weigh.

    Args:
        half_life_events: How many events further back an event weighs half.
        repeat_weight: Of the newest event, on its own item; 0 where items are chosen once.
        repeat_half_life_events: As above, on the event's own item.
    """

    half_life_events: float
    repeat_weight: float
    repeat_half_life_events: float


class CfScorer(LinearScorer):
    """A sum over the history.

    Args:
        weights: Item to item.
        priors: [tasks, items]; what the score is without a history: popularity, or mean labels.
        predictions: [items, heads]; natural units.
        vectors: [items, dim].
        fading: How events weigh.
    """

    def __init__(
        self,
        weights: ItemWeights,
        priors: Doubles,
        predictions: Doubles,
        vectors: Doubles,
        *,
        fading: Fading,
    ) -> None:
        super().__init__()
        self.places = tf.Variable(weights.places, trainable=False, dtype=tf.int32)
        # a last row and column of zeros, for the items that have none of their own
        self.item_weights = [
            None if each is None else constant(np.pad(each, (0, 1))) for each in weights.by_task
        ]
        self.priors = constant(priors)
        self.predictions = constant(predictions)
        self.vectors = constant(vectors)
        self.fading = fading

    def answer(self, query: Query) -> Answer:
        """History times item-item weights, for each retrieval task."""
        batch = tf.shape(query.now)[0]
        events = recency(query, self.fading.half_life_events)
        rows = query._replace(items=self._rows(query.items))
        columns = []
        for weights, prior in zip(self.item_weights, tf.unstack(self.priors), strict=True):
            own = tf.tile(prior[None], [batch, 1])
            if weights is not None:
                own += tf.gather(summed(rows, events, weights), self.places, axis=1)
                if self.fading.repeat_weight > 0:
                    own += self._again(query)
            columns.append(own)
        predictions = tf.tile(self.predictions[None], [batch, 1, 1])
        return Answer(tf.stack(columns, axis=1), predictions)

    def explain(self, query: Query, items: Tensor, weights: Tensor) -> Explanation:
        """Each event's part, exactly as it is summed."""
        events = recency(query, self.fading.half_life_events)
        history = tf.zeros_like(events)
        targets = tf.broadcast_to(items[:, None], tf.shape(query.items))
        pairs = tf.stack([tf.maximum(query.items, 0), targets], axis=-1)
        again = tf.where(query.items == targets, self._repeats(query), 0.0)
        for number, matrix in enumerate(self.item_weights):
            if matrix is not None:
                alike = tf.gather_nd(matrix, tf.gather(self.places, pairs))
                history += weights[:, number, None] * (events * alike + again)
        return of_history(query, history, weighted(self.priors, items, weights))

    def _rows(self, items: Tensor) -> Tensor:
        """Rows of the item-item weights; -1 stays."""
        return tf.where(items >= 0, tf.gather(self.places, tf.maximum(items, 0)), items)

    def _repeats(self, query: Query) -> Tensor:
        """[b, h] what each event adds to its own item."""
        return self.fading.repeat_weight * recency(query, self.fading.repeat_half_life_events)

    def _again(self, query: Query) -> Tensor:
        """[b, n] the same by item."""
        shape = tf.stack([tf.shape(query.now)[0], tf.shape(self.places)[0]])
        places = tf.where(query.items >= 0)
        items = tf.gather_nd(query.items, places)
        indices = tf.stack([tf.cast(places[:, 0], tf.int32), items], axis=1)
        return tf.scatter_nd(indices, tf.gather_nd(self._repeats(query), places), shape)


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
    priors = recent_priors(data, means, until, own)
    chosen = most_chosen(np.bincount(data.item_rows[known_rows(data, until)]), own.max_items)
    places = np.full(len(data.items), len(chosen))
    places[chosen] = np.arange(len(chosen))
    matrices: list[Doubles | None] = []
    vectors: list[Doubles] = []
    for task in data.prepared.tasks:
        if isinstance(task, RetrievalTask):
            rows = positive_rows(data, task, until)
            rows = rows[places[data.item_rows[rows]] < len(chosen)]
            together = gram(data.user_start[rows], places[data.item_rows[rows]], len(chosen))
            matrices.append(item_weights(together, own.l2))
            vectors.append(np.pad(item_vectors(together), ((0, 1), (0, 0)))[places])
        else:
            matrices.append(None)
    repeat_weight = own.repeat_weight if data.prepared.repeats else 0.0
    fading = Fading(own.half_life_events, repeat_weight, own.repeat_half_life_events)
    directions = np.concatenate(vectors, 1)
    scorer = CfScorer(ItemWeights(places, matrices), priors, means, directions, fading=fading)
    notes = (
        f"The score is a sum over the history (EASE, {len(chosen)} items); without one, recent "
        "popularity."
    )
    return fitted("cf", scorer, data, own.max_history, notes)
