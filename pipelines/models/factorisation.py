"""Labels by factors of items, with a user's part solved live from the history of a request.

    label of an event = mean + bias of the item + bias of the user + mood + item · taste + noise

The items' part is fitted once, as biased matrix factorisation (Koren, Bell and Volinsky, "Matrix
factorization techniques for recommender systems", 2009, eq. 5) by alternating ridge regressions.
The user's part is never kept. It is predicted for each request as a random effect with a known
covariance (Henderson, "Best linear unbiased estimation and prediction", 1975; the same as Gaussian
process regression, Rasmussen and Williams, 2006, eq. 2.25), in which mood and taste drift: two
events share them by 2^(-events between / half-life). Without drift it is the ridge fold-in.
"""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from pipelines.descriptors import BinaryTask, RegressionTask, Rule
from pipelines.models.engine import tf
from pipelines.models.examples import Ints, PreparedData
from pipelines.models.recency import events_since
from pipelines.models.serving import Query, Tensor, constant
from pipelines.models.statistics import DAY_US, Doubles, known_rows
from pipelines.models.tasks import meets
from pipelines.sections import FactorisationParams

INITIAL_SPREAD = 0.1
"""Standard deviation of the factors that the alternation starts from."""
CHUNK = 512
"""Histories that are solved at once outside the served graph."""


class Target(NamedTuple):
    """What is factorised: the value of an event, or whether it meets a rule."""

    rule: Rule | None
    """None: the value."""

    def read(self, is_kind: Callable[[str], Any], values: Any) -> tuple[Any, Any]:
        """Labels and whether they are known, for arrays and for tensors; 0 where unknown."""
        has_value = values == values  # noqa: PLR0124  NaN differs from itself, in both libraries
        if self.rule is None:
            return values, has_value
        is_met = meets(self.rule, is_kind, values)
        always = is_met | ~is_met
        return is_met, has_value if self.rule.value is not None else always


def target_of(task: BinaryTask | RegressionTask) -> Target:
    """What says most about a head: a threshold hides how far a value lies from it."""
    if isinstance(task, RegressionTask):
        return Target(None)
    return Target(None if task.label.event is None else task.label)


class Labelled(NamedTuple):
    """Interactions with a label, [m] each."""

    users: Ints
    """Small numbers, one per user; kept nowhere."""
    items: Ints
    values: Doubles
    weights: Doubles
    """Of each label in its item's regression."""


class Factors(NamedTuple):
    """What is learnt of the items."""

    mean: float
    biases: Doubles
    """[items]; 0 without a label."""
    vectors: Doubles
    """[items, dim]; 0 without a label."""


def labelled(data: PreparedData, target: Target, until: int, half_life_days: float) -> Labelled:
    """The labels before `until` (microseconds), in the order of the table."""
    rows = known_rows(data, until)
    events = data.events[rows]
    values, is_known = target.read(lambda kind: events == kind, data.values[rows])
    rows, values = rows[is_known], np.asarray(values, np.float64)[is_known]
    ages_days = (until - data.timestamps[rows]) / DAY_US
    _, users = np.unique(data.user_start[rows], return_inverse=True)
    return Labelled(users, data.item_rows[rows], values, np.exp2(-ages_days / half_life_days))


def fit_factors(known: Labelled, n_items: int, params: FactorisationParams, seed: int) -> Factors:
    """Alternates between the users' and the items' ridge regressions.

    Args:
        known: Labels; none at all gives factors of 0.
        n_items: Size of the catalogue.
        params: Ridges and rounds.
        seed: Of the factors that the alternation starts from.
    """
    dim = params.dim
    start = np.random.default_rng(seed).normal(0, INITIAL_SPREAD, (n_items, dim))
    of_items = np.concatenate([np.zeros((n_items, 1)), start], axis=1)
    if not len(known.values):
        return Factors(0.0, np.zeros(n_items), np.zeros((n_items, dim)))
    mean = float(known.values.mean())
    user_ridge = np.array([1 / (params.user_variance + params.mood_variance)] + [params.l2] * dim)
    item_ridge = np.array([params.item_bias_l2] + [params.l2] * dim)
    evenly, n_users = np.ones(len(known.values)), int(known.users.max()) + 1
    for _ in range(params.rounds):
        left = known.values - mean - of_items[known.items, 0]
        of_users = _ridge(
            Regression(known.users, of_items[known.items, 1:], left, evenly), n_users, user_ridge
        )
        left = known.values - mean - of_users[known.users, 0]
        of_items = _ridge(
            Regression(known.items, of_users[known.users, 1:], left, known.weights),
            n_items,
            item_ridge,
        )
    return Factors(mean, of_items[:, 0], of_items[:, 1:])


class Regression(NamedTuple):
    """Many ridge regressions at once, a row per label."""

    groups: Ints
    """[m] which regression a row belongs to."""
    inputs: Doubles
    """[m, dim]; an input of 1 is added in front."""
    labels: Doubles
    weights: Doubles


def _ridge(of: Regression, n_groups: int, ridge: Doubles) -> Doubles:
    """[groups, 1 + dim]: (X'WX + ridge)^-1 X'Wy; 0 for a group without rows."""
    width = len(ridge)
    # by columns: [m, width, width] would not fit in memory for millions of labels
    columns = [np.ones(len(of.labels)), *of.inputs.T]
    squares = np.empty((n_groups, width, width))
    sums = np.empty((n_groups, width))
    for row, left in enumerate(columns):
        weighted = of.weights * left
        sums[:, row] = np.bincount(of.groups, weighted * of.labels, n_groups)
        for column in range(row + 1):
            total = np.bincount(of.groups, weighted * columns[column], n_groups)
            squares[:, row, column] = squares[:, column, row] = total
    solved = np.linalg.solve(squares + np.diag(ridge), sums[..., None])[..., 0]
    return solved.astype(np.float64)


class FoldIn(tf.Module):
    """A user's part, solved for each row from its own history.

    Args:
        factors: Of the items.
        params: Variances in units of the noise's, half-lives in events.
    """

    def __init__(self, factors: Factors, params: FactorisationParams) -> None:
        super().__init__()
        self.means = constant(factors.mean + factors.biases)
        self.vectors = constant(factors.vectors)
        self.user_variance, self.mood_variance = params.user_variance, params.mood_variance
        self.taste_variance = 1 / params.l2
        self.mood_half_life = params.mood_half_life_events
        self.taste_half_life = params.taste_half_life_events

    def shares(self, query: Query, labels: Tensor, is_known: Tensor) -> Tensor:
        """[b, h]: (K + I)^-1 of what the labels differ from their items' means by.

        Args:
            query: [b] queries.
            labels: [b, h]
            is_known: bool [b, h]; other events count as events since, and say nothing else.
        """
        items, ages = tf.maximum(query.items, 0), events_since(query)
        says = tf.cast(is_known & (query.items >= 0), tf.float32)
        differences = tf.where(says > 0, labels - tf.gather(self.means, items), 0.0)
        gaps = tf.abs(ages[:, :, None] - ages[:, None, :])
        biases, tastes = self._covariances(gaps)
        vectors = tf.gather(self.vectors, items)
        alike = biases + tastes * tf.matmul(vectors, vectors, transpose_b=True)
        among = says[:, :, None] * says[:, None, :] * alike
        factor = tf.linalg.cholesky(among + tf.eye(tf.shape(ages)[1], dtype=tf.float32))
        return tf.linalg.cholesky_solve(factor, differences[..., None])[..., 0]

    def predict(self, query: Query, shares: Tensor) -> Tensor:
        """[b, n]: the expected label of every item, were it the next event."""
        biases, tastes = self._covariances(events_since(query) + 1.0)
        vectors = tf.gather(self.vectors, tf.maximum(query.items, 0))
        bias = tf.reduce_sum(shares * biases, axis=1, keepdims=True)
        taste = tf.einsum("bh,bhd->bd", shares * tastes, vectors)
        return self.means + bias + tf.matmul(taste, self.vectors, transpose_b=True)

    def contributions(self, query: Query, shares: Tensor, items: Tensor) -> Tensor:
        """[b, h]: what each event adds to the mean of one item a row, `items` [b]."""
        biases, tastes = self._covariances(events_since(query) + 1.0)
        vectors = tf.gather(self.vectors, tf.maximum(query.items, 0))
        alike = tf.einsum("bhd,bd->bh", vectors, tf.gather(self.vectors, items))
        return shares * (biases + tastes * alike)

    def _covariances(self, gaps: Tensor) -> tuple[Tensor, Tensor]:
        """Of two events' biases, and of their tastes by direction, by the events between them."""
        biases = self.user_variance + self.mood_variance * tf.pow(2.0, -gaps / self.mood_half_life)
        return biases, self.taste_variance * tf.pow(2.0, -gaps / self.taste_half_life)


def live_predictions(
    fold_in: FoldIn, target: Target, data: PreparedData, rows: Ints, max_history: int
) -> npt.NDArray[np.float64]:
    """[rows]: what is expected of each row's item, from what its user had done strictly before.

    Args:
        fold_in: Fitted.
        target: What it was fitted on.
        data: Prepared tables.
        rows: Interactions with items of the catalogue.
        max_history: Newest events to read.
    """
    predicted = [np.zeros(0)]
    for start in range(0, len(rows), CHUNK):
        some = rows[start : start + CHUNK]
        query = known_query(data, some, max_history)
        labels, is_known = read_labels(target, query)
        scores = fold_in.predict(query, fold_in.shares(query, labels, is_known)).numpy()
        predicted.append(scores[np.arange(len(some)), data.item_rows[some]].astype(np.float64))
    return np.concatenate(predicted)


def read_labels(target: Target, query: Query) -> tuple[Tensor, Tensor]:
    """[b, h]: the labels of a history, 0 where unknown, and whether they are known."""
    labels, is_known = target.read(lambda kind: query.events == kind, query.values)
    is_known = is_known & query.is_event
    return tf.where(is_known, tf.cast(labels, tf.float32), 0.0), is_known


def known_query(data: PreparedData, rows: Ints, max_history: int) -> Query:
    """The queries of the rows' moments, by catalogue rows; a profile plays no part."""
    positions = data.history_rows(rows, max_history)
    is_event = positions >= 0
    item_ids = data.interactions["item_id"].to_numpy(object)
    return Query(
        item_ids=tf.constant(np.where(is_event, item_ids[positions], ""), tf.string),
        items=tf.constant(np.where(is_event, data.item_rows[positions], -1), tf.int32),
        is_event=tf.constant(is_event),
        events=tf.constant(np.where(is_event, data.events[positions], ""), tf.string),
        values=tf.constant(np.where(is_event, data.values[positions], np.nan), tf.float32),
        timestamps=tf.constant(np.where(is_event, data.timestamps[positions], 0), tf.int64),
        profile=tf.zeros([len(rows), 0], tf.string),
        now=tf.constant(data.timestamps[rows], tf.int64),
    )
