"""Biased matrix factorisation of the heads' labels, and its live reading of a history.

Koren, Bell and Volinsky, "Matrix factorization techniques for recommender systems" (2009), Eq. (5),
fitted by alternating least squares: label = mean + item bias + user bias + p.q. No user is kept: in
the graph, user bias and p are solved for from the history that the request brings, newer events
weighing more. Items' numbers have seen the labels that they were fitted on, so a page reads, while
fitting, those fitted without its own user's fold.
"""

from typing import Any

import numpy as np
import numpy.typing as npt

from pipelines.models.engine import tf
from pipelines.models.examples import Ints
from pipelines.models.multitask.labels import Scale, Told
from pipelines.models.statistics import Doubles
from pipelines.sections import FactorParams

Tensor = Any
SWEEPS = 8
SPREAD = 0.1
"""Of the factors where the sweeps start."""


def item_factors(
    users: Ints,
    items: Ints,
    labels: npt.NDArray[np.float32],
    known: npt.NDArray[np.float32],
    sizes: tuple[int, FactorParams],
) -> npt.NDArray[np.float32]:
    """[heads, items, 1 + dim]: bias and factors; 0 where there is no label.

    Args:
        users: [m], any numbers.
        items: [m] rows of the catalogue.
        labels: [m, heads], standardised.
        known: [m, heads]; 0 = no label.
        sizes: Items of the catalogue; factors and shrinkage.
    """
    n_items, params = sizes
    found = np.zeros((labels.shape[1], n_items, 1 + params.dim), dtype=np.float32)
    for head in range(labels.shape[1]):
        chosen = known[:, head] > 0
        found[head] = _of_head(
            users[chosen], items[chosen], labels[chosen, head].astype(np.float64), n_items, params
        )
    return found


def fold_in(
    found: Tensor, items: Tensor, labels: Tensor, known: Tensor, params: FactorParams
) -> Tensor:
    """[b, 1 + dim]: bias and factors of users at the end of their histories.

    The best linear prediction when a user's bias and factors are random with known variances, in
    units of the noise's: a lasting bias, a mood and a taste, of which the last two drift, so that
    two events share them by 2^(-events between / half-life) (Gaussian processes; Rasmussen and
    Williams, 2006, Eq. 2.25). Without drift it is ridge regression.

    Args:
        found: [n, 1 + dim] of the items.
        items: int32 [b, h]; anything where nothing is known.
        labels: [b, h], standardised.
        known: [b, h]; 0 = takes no part.
        params: Variances and half-lives.
    """
    own = tf.gather(found, tf.maximum(items, 0)) * known[..., None]
    ages = tf.cast(tf.range(tf.shape(items)[1] - 1, -1, -1), tf.float32)
    apart = tf.abs(ages[:, None] - ages[None, :])
    mood = params.bias_variance + params.mood_variance * _shared(
        apart, params.mood_half_life_events
    )
    taste = _shared(apart, params.taste_half_life_events) / params.user_l2
    covariance = mood * known[:, :, None] * known[:, None, :]
    covariance += taste * tf.matmul(own[..., 1:], own[..., 1:], transpose_b=True)
    residuals = (labels * known - own[..., 0])[..., None]
    solved = tf.linalg.solve(covariance + tf.eye(tf.shape(items)[1]), residuals)[..., 0]
    lasting = params.bias_variance + params.mood_variance * _shared(
        ages, params.mood_half_life_events
    )
    bias = tf.reduce_sum(solved * known * lasting, axis=1, keepdims=True)
    fading = _shared(ages, params.taste_half_life_events) / params.user_l2
    factors = tf.reduce_sum((solved * fading)[..., None] * own[..., 1:], axis=1)
    return tf.concat([bias, factors], axis=1)


def _shared(events: Tensor, half_life: float) -> Tensor:
    return tf.pow(2.0, -events / half_life)


def as_query(solved: Tensor) -> Tensor:
    """[…, 2 + dim] whose product with `as_items` is the predicted label."""
    bias = solved[..., :1]
    return tf.concat([bias, tf.ones_like(bias), solved[..., 1:]], axis=-1)


def as_items(found: Tensor) -> Tensor:
    """[…, 2 + dim]; see `as_query`."""
    return tf.concat([tf.ones_like(found[..., :1]), found], axis=-1)


class LiveFactors(tf.Module):
    """What the factorisation says of the users of a batch, for each head.

    Args:
        scale: Of the labels that are factorised.
        params: Sizes, variances and half-lives.
    """

    def __init__(self, scale: Scale, params: FactorParams) -> None:
        super().__init__()
        self.means, self.spreads = tf.constant(scale.means), tf.constant(scale.spreads)
        self.params = params

    def __call__(self, items: Tensor, told: Told, factors: Tensor) -> Tensor:
        """[b, heads, 2 + dim]; times `as_items`, the predicted label.

        Args:
            items: int32 [b, h]; -1 = not in the catalogue.
            told: The labels of the history.
            factors: [heads, n, 1 + dim].
        """
        n_heads = self.means.shape[0]
        labels = (told.labels - self.means) / self.spreads
        known = told.known * tf.cast(items >= 0, tf.float32)[..., None]
        solved = [
            fold_in(factors[head], items, labels[..., head], known[..., head], self.params)
            for head in range(n_heads)
        ]
        nothing = tf.zeros([tf.shape(items)[0], 0, factors.shape[2]])
        return as_query(tf.stack(solved, axis=1) if solved else nothing)


def _of_head(
    users: Ints, items: Ints, labels: Doubles, n_items: int, params: FactorParams
) -> Doubles:
    random = np.random.default_rng(0)  # the start decides little, and never differs
    start = random.normal(0.0, SPREAD, (n_items, params.dim))
    found = np.concatenate([np.zeros((n_items, 1)), start], axis=1)
    if not len(labels):
        return np.zeros_like(found)
    _, users = np.unique(users, return_inverse=True)
    of_users, of_items = _Groups(users, int(users.max()) + 1), _Groups(items, n_items)
    for _ in range(SWEEPS):
        own = of_users.solve(_with_one(found[items]), labels - found[items, 0], params.user_l2)
        found = of_items.solve(_with_one(own[users]), labels - own[users, 0], params.item_l2)
    return found


class _Groups:
    """Ridge regressions, one per group of observations."""

    def __init__(self, groups: Ints, n_groups: int) -> None:
        self.order = np.argsort(groups, kind="stable")
        self.present, self.starts = np.unique(groups[self.order], return_index=True)
        self.n_groups = n_groups

    def solve(self, design: Doubles, targets: Doubles, l2: float) -> Doubles:
        """[groups, width]; 0 for a group without observations."""
        found = np.zeros((self.n_groups, design.shape[1]))
        rows = design[self.order]
        squares = rows[:, :, None] * rows[:, None, :]
        left = np.add.reduceat(squares, self.starts) + l2 * np.eye(design.shape[1])
        right = np.add.reduceat(rows * targets[self.order, None], self.starts)
        found[self.present] = np.linalg.solve(left, right[..., None])[..., 0]
        return found


def _with_one(found: Doubles) -> Doubles:
    return np.concatenate([np.ones((len(found), 1)), found[:, 1:]], axis=1)
