"""Factors of items from who chose what, and the closed form that folds a history in.

Hu, Koren and Volinsky, "Collaborative filtering for implicit feedback datasets" (2008): every pair
of user and item has a preference, 1 or 0, and a confidence in it, 1 or 1 + `confidence`.
"""

import logging
from typing import cast

import numpy as np
from implicit.cpu.als import AlternatingLeastSquares
from scipy import sparse
from threadpoolctl import threadpool_limits

from pipelines.models.engine import tf
from pipelines.models.recency import recency
from pipelines.models.serving import Query, Tensor, constant
from pipelines.models.statistics import Doubles
from pipelines.sections import AlsParams


def item_factors(chosen: sparse.csr_array, params: AlsParams, seed: int) -> Doubles:
    """[items, dim]; 0 for an item that nobody chose.

    On one thread, so that equal data give equal factors.

    Args:
        chosen: [users, items], 1 where a user chose an item.
        params: Confidence, l2 and rounds.
        seed: Of the factors that the alternation starts from.
    """
    confident = sparse.csr_matrix(chosen * (1.0 + params.confidence), dtype=np.float32)
    logging.getLogger("implicit").setLevel(logging.ERROR)
    with threadpool_limits(1, user_api="blas"):
        model = AlternatingLeastSquares(
            factors=params.dim,
            regularization=params.l2,
            iterations=params.rounds,
            num_threads=1,
            random_state=seed,
        )
        model.fit(confident, show_progress=False)
    is_chosen = np.asarray(chosen.sum(axis=0)).ravel() > 0
    found = np.where(is_chosen[:, None], model.item_factors, 0.0)
    return cast("Doubles", found.astype(np.float64))


class ImplicitFoldIn(tf.Module):
    """The preferences of a history, solved for each row.

    An event that weighs w counts as chosen with weight w and as not chosen with 1 - w; the newest
    one counts as in eq. (4) of the paper.

    Args:
        vectors: [items, dim] of `item_factors`.
        params: Confidence, l2 and half-life.
    """

    def __init__(self, vectors: Doubles, params: AlsParams) -> None:
        super().__init__()
        self.vectors = constant(vectors)
        # Y'Y + l2 I, once for all requests
        self.squares = constant(vectors.T @ vectors + params.l2 * np.eye(params.dim))
        self.confidence, self.half_life_events = params.confidence, params.half_life_events

    def preferences(self, query: Query) -> Tensor:
        """[b, n] the expected preference for every item."""
        weights, vectors, factor = self._solvable(query)
        wanted = (1 + self.confidence) * tf.einsum("bh,bhd->bd", weights, vectors)
        solved = tf.linalg.cholesky_solve(factor, wanted[..., None])[..., 0]
        return tf.matmul(solved, self.vectors, transpose_b=True)

    def contributions(self, query: Query, items: Tensor) -> Tensor:
        """[b, h] what each event adds to the preference for one item a row, as in section 5.

        Args:
            query: [b] queries.
            items: int32 [b] catalogue rows.
        """
        weights, vectors, factor = self._solvable(query)
        asked = tf.gather(self.vectors, items)
        weighted = tf.linalg.cholesky_solve(factor, asked[..., None])[..., 0]
        return (1 + self.confidence) * weights * tf.einsum("bhd,bd->bh", vectors, weighted)

    def _solvable(self, query: Query) -> tuple[Tensor, Tensor, Tensor]:
        """[b, h] weights, [b, h, d] factors, and the Cholesky factor of Y'Y + l2 I + Y'CY."""
        weights = recency(query, self.half_life_events)
        vectors = tf.gather(self.vectors, tf.maximum(query.items, 0))
        weighted = self.confidence * weights[..., None] * vectors
        squares = self.squares + tf.matmul(weighted, vectors, transpose_a=True)
        return weights, vectors, tf.linalg.cholesky(squares)
