"""The signatures that every family is served by: look-ups, masks, one score, the best k.

A family brings a `Scorer`: what each task says of every item for a query. All else is here, once:
ids to rows, the cut to the newest history, the weighted sum, allowed items, ties and padding.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.models.engine import tf

NO_SCORE = -np.inf
NOT_AN_ITEM = -1
SMALLEST_NORM = 1e-12

Tensor = Any


class Query(NamedTuple):
    """A batch of queries inside the graph; `h` = at most the family's own maximum."""

    item_ids: Tensor
    """string [b, h]; "" = padding."""
    items: Tensor
    """int32 [b, h]; the row in the catalogue, -1 = padding or not in the catalogue."""
    is_event: Tensor
    """bool [b, h]; False = padding."""
    events: Tensor
    values: Tensor
    timestamps: Tensor
    profile: Tensor
    now: Tensor


class Answer(NamedTuple):
    """What a family says of all items."""

    components: Tensor
    """float32 [b, tasks, n]; each task's part of the score, before its weight."""
    predictions: Tensor
    """float32 [b, n, heads]; natural units, always finite."""


class Explanation(NamedTuple):
    """Contributions to one item's score, float32 [b, …]; with `base` they add up to the score."""

    history: Tensor
    profile: Tensor
    features: Tensor
    base: Tensor


def of_history(query: Query, history: Tensor, base: Tensor) -> Explanation:
    """Of a score that neither the profile nor features of the item take part in.

    Args:
        query: [b] queries.
        history: [b, h] each event's part.
        base: [b] what is left.
    """
    return Explanation(
        history=history,
        profile=tf.zeros(tf.shape(query.profile)),
        features=tf.zeros([tf.shape(query.now)[0], 0]),
        base=base,
    )


def weighted(components: Tensor, items: Tensor, weights: Tensor) -> Tensor:
    """[b]: the part of the score that an item has whoever asks.

    Args:
        components: [tasks, n].
        items: int32 [b] rows of the catalogue.
        weights: [b, tasks].
    """
    return tf.reduce_sum(weights * tf.gather(tf.transpose(components), items), axis=1)


class Scorer(tf.Module):
    """What a family brings. Every row is answered by itself."""

    vectors: Tensor
    """float32 [n, d], by catalogue row; cosines of these are the similarities."""

    def answer(self, query: Query) -> Answer:
        """Scores and predictions of all items."""
        raise NotImplementedError


class Stages(NamedTuple):
    """What a staged scorer says of a batch of queries."""

    order: Tensor
    """float32 [b, n]; what retrieval thinks of each item."""
    answer: Callable[[Tensor], Answer]
    """What all tasks say of given items, int32 [b, m] catalogue rows; n of `Answer` is then m."""


class StagedScorer(Scorer):
    """A scorer for a catalogue too large for all of it to be ranked: it retrieves, then ranks.

    An item's score is the same whatever else is asked for; only which items come into a slate is
    decided by the order of retrieval, of the allowed items.
    """

    n_candidates: int
    """Best of the retrieval order that are ranked: a slate holds no more."""

    def stages(self, query: Query) -> Stages:
        """The order of retrieval, and what answers for given items."""
        raise NotImplementedError

    def answer(self, query: Query) -> Answer:
        """Of all items, as a blend asks: no slate needs it, and its price is the catalogue's."""
        stages = self.stages(query)
        rows = tf.range(tf.shape(stages.order)[1])
        return stages.answer(tf.repeat(rows[None], tf.shape(query.now)[0], axis=0))


class LinearScorer(Scorer):
    """A scorer whose score is a sum over the history, so that it can say why."""

    def explain(self, query: Query, items: Tensor, weights: Tensor) -> Explanation:
        """Contributions to the score of `items`, int32 [b] catalogue rows, by task weights."""
        raise NotImplementedError


@dataclass(frozen=True)
class Shape:
    """What the signatures need to know of a family besides its scorer."""

    item_ids: list[str]
    n_profile: int
    max_history: int
    task_weights: list[float]


def _spec(dtype: Any, *shape: int | None) -> Any:
    return tf.TensorSpec(shape, dtype)


def _history_specs() -> tuple[Any, ...]:
    texts = _spec(tf.string, None, None)
    return texts, texts, _spec(tf.float32, None, None), _spec(tf.int64, None, None)


class Recommender(tf.Module):
    """A family behind the served signatures."""

    def __init__(self, scorer: Scorer, shape: Shape) -> None:
        super().__init__()
        n_items = len(shape.item_ids)
        self.scorer = scorer
        self.n_items = n_items
        self.max_history, self.n_profile = shape.max_history, shape.n_profile
        self.default_weights = tf.constant(shape.task_weights, tf.float32)
        self.catalogue = tf.constant(shape.item_ids, tf.string)
        initial = tf.lookup.KeyValueTensorInitializer(
            self.catalogue, tf.range(n_items, dtype=tf.int32)
        )
        self.rows = tf.lookup.StaticHashTable(initial, NOT_AN_ITEM)
        # no signature: what a blend, which loads this file, calls inside its own graph
        self.answer_all = tf.function(self._answer_all, input_signature=self._query_specs())

    def _query_specs(self) -> tuple[Any, ...]:
        context = (_spec(tf.string, None, self.n_profile), _spec(tf.int64, None))
        return (*_history_specs(), *context)

    def signatures(self) -> dict[str, Any]:
        """The functions to export, by name."""
        weights, query = _spec(tf.float32, None, None), self._query_specs()
        ids, k = _spec(tf.string, None), _spec(tf.int32)
        made = {
            "recommend": (self.recommend, (*query, _spec(tf.bool, None, None), weights, k)),
            "rank": (self.rank, (*query, weights, _spec(tf.string, None, None))),
            "similar": (self.similar, (ids, k)),
            "item_vectors": (self.item_vectors, ()),
        }
        if isinstance(self.scorer, LinearScorer):
            made["explain"] = (self.explain, (*query, ids))
        return {
            name: tf.function(function, input_signature=specs)
            for name, (function, specs) in made.items()
        }

    def recommend(
        self,
        history_item_ids: Tensor,
        history_events: Tensor,
        history_values: Tensor,
        history_timestamps: Tensor,
        profile: Tensor,
        now: Tensor,
        allow: Tensor,
        task_weights: Tensor,
        k: Tensor,
    ) -> dict[str, Tensor]:
        """The best k of the allowed items, ties by manifest order."""
        history = (history_item_ids, history_events, history_values, history_timestamps)
        query, weights = self._query(history, profile, now), self._weights(task_weights)
        if isinstance(self.scorer, StagedScorer):
            return self._staged(self.scorer, query, weights, self._allowed(allow), k)
        answer = self.scorer.answer(query)
        scores = tf.where(self._allowed(allow), _total(answer, weights), NO_SCORE)
        return self._best(scores, answer.predictions, k)

    def rank(
        self,
        history_item_ids: Tensor,
        history_events: Tensor,
        history_values: Tensor,
        history_timestamps: Tensor,
        profile: Tensor,
        now: Tensor,
        task_weights: Tensor,
        item_ids: Tensor,
    ) -> dict[str, Tensor]:
        """Scores and predictions of given items; -inf and NaN where not in the catalogue."""
        history = (history_item_ids, history_events, history_values, history_timestamps)
        query, weights = self._query(history, profile, now), self._weights(task_weights)
        items = self.rows.lookup(item_ids)
        is_known, items = items >= 0, tf.maximum(items, 0)
        if isinstance(self.scorer, StagedScorer):
            answer = self.scorer.stages(query).answer(items)
            found, predicted = _total(answer, weights), answer.predictions
        else:
            answer = self.scorer.answer(query)
            found = tf.gather(_total(answer, weights), items, batch_dims=1)
            predicted = tf.gather(answer.predictions, items, batch_dims=1)
        return {
            "scores": tf.where(is_known, found, NO_SCORE),
            "predictions": tf.where(is_known[..., None], predicted, np.nan),
        }

    def similar(self, item_ids: Tensor, k: Tensor) -> dict[str, Tensor]:
        """The k other items with the largest cosine; none for an unknown item."""
        items = self.rows.lookup(item_ids)
        norms = tf.norm(self.scorer.vectors, axis=1, keepdims=True)
        directions = self.scorer.vectors / tf.maximum(norms, SMALLEST_NORM)
        cosines = tf.matmul(
            tf.gather(directions, tf.maximum(items, 0)), directions, transpose_b=True
        )
        is_other = tf.range(self.n_items)[None, :] != items[:, None]
        scores = tf.where(is_other & (items >= 0)[:, None], cosines, NO_SCORE)
        best = self._best(scores, tf.zeros([tf.shape(scores)[0], self.n_items, 0]), k)
        return {"item_ids": best["item_ids"], "scores": best["scores"]}

    def item_vectors(self) -> dict[str, Tensor]:
        """The items' vectors, in manifest order."""
        return {"item_vectors": tf.identity(self.scorer.vectors)}

    def explain(
        self,
        history_item_ids: Tensor,
        history_events: Tensor,
        history_values: Tensor,
        history_timestamps: Tensor,
        profile: Tensor,
        now: Tensor,
        item_ids: Tensor,
    ) -> dict[str, Tensor]:
        """Contributions to one item's score a row, by the manifest's weights."""
        history = (history_item_ids, history_events, history_values, history_timestamps)
        query = self._query(history, profile, now)
        items = self.rows.lookup(item_ids)
        is_known = items >= 0
        weights = self._weights(tf.zeros([tf.shape(now)[0], 0]))
        parts = self.scorer.explain(query, tf.maximum(items, 0), weights)
        cut = tf.shape(history_item_ids)[1] - tf.shape(query.items)[1]
        known = tf.cast(is_known, tf.float32)[:, None]
        return {
            "history": tf.pad(parts.history * known, [[0, 0], [cut, 0]]),
            "profile": parts.profile * known,
            "features": parts.features * known,
            "base": tf.where(is_known, parts.base, NO_SCORE),
        }

    def _answer_all(
        self,
        history_item_ids: Tensor,
        history_events: Tensor,
        history_values: Tensor,
        history_timestamps: Tensor,
        profile: Tensor,
        now: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """What the scorer says of all items: components and predictions."""
        history = (history_item_ids, history_events, history_values, history_timestamps)
        answer = self.scorer.answer(self._query(history, profile, now))
        return answer.components, answer.predictions

    def _query(self, history: tuple[Tensor, ...], profile: Tensor, now: Tensor) -> Query:
        length = tf.shape(history[0])[1]
        start = tf.maximum(length - self.max_history, 0)
        item_ids, events, values, timestamps = (column[:, start:] for column in history)
        rows = self.rows.lookup(item_ids)
        return Query(item_ids, rows, item_ids != "", events, values, timestamps, profile, now)

    def _weights(self, task_weights: Tensor) -> Tensor:
        is_given = tf.shape(task_weights)[1] > 0
        whole = _whole(task_weights, self.default_weights.shape[0])
        return tf.where(is_given, whole, self.default_weights[None, :])

    def _allowed(self, allow: Tensor) -> Tensor:
        return _whole(allow, self.n_items) | (tf.shape(allow)[1] == 0)

    def _staged(
        self, scorer: StagedScorer, query: Query, weights: Tensor, allowed: Tensor, k: Tensor
    ) -> dict[str, Tensor]:
        stages = scorer.stages(query)
        order = tf.where(allowed, stages.order, NO_SCORE)
        found = tf.math.top_k(order, min(scorer.n_candidates, self.n_items)).indices
        rows = tf.sort(found, axis=1)  # so that equal scores stand in manifest order
        answer = stages.answer(rows)
        is_allowed = tf.gather(allowed, rows, batch_dims=1)
        scores = tf.where(is_allowed, _total(answer, weights), NO_SCORE)
        return self._best(scores, answer.predictions, k, rows)

    def _best(
        self, scores: Tensor, predictions: Tensor, k: Tensor, rows: Tensor | None = None
    ) -> dict[str, Tensor]:
        """The best k of the catalogue, or of the given [b, m] rows of it."""
        # equal scores: lower row first
        found = tf.math.top_k(scores, tf.minimum(k, tf.shape(scores)[1]))
        missing = k - tf.shape(found.values)[1]
        is_real = found.values > NO_SCORE
        places = found.indices
        items = places if rows is None else tf.gather(rows, places, batch_dims=1)
        ids = tf.where(is_real, tf.gather(self.catalogue, items), "")
        chosen = tf.gather(predictions, places, batch_dims=1)
        chosen = tf.where(is_real[..., None], chosen, np.nan)
        return {
            "item_ids": tf.pad(ids, [[0, 0], [0, missing]], constant_values=""),
            "scores": tf.pad(found.values, [[0, 0], [0, missing]], constant_values=NO_SCORE),
            "predictions": tf.pad(chosen, [[0, 0], [0, missing], [0, 0]], constant_values=np.nan),
        }


def _total(answer: Answer, weights: Tensor) -> Tensor:
    return tf.reduce_sum(weights[:, :, None] * answer.components, axis=1)


def _whole(rows: Tensor, width: int) -> Tensor:
    """[b, width] from as many columns or from none, which become zeros; others are refused."""
    missing = tf.where(tf.shape(rows)[1] > 0, 0, width)
    return tf.ensure_shape(tf.pad(rows, [[0, 0], [0, missing]]), [None, width])


def constant(values: npt.NDArray[Any]) -> Any:
    """A frozen float32 variable: kept in the artifact's `variables`, not in its graph."""
    return tf.Variable(tf.constant(values, tf.float32), trainable=False)
