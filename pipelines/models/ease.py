"""EASE, item-item weights in closed form.

Steck, "Embarrassingly shallow autoencoders for sparse data" (2019).
"""

import numpy as np

from pipelines.models.examples import Ints
from pipelines.models.statistics import Doubles, who_chose

VECTOR_DIM = 64


def gram(user_rows: Ints, item_rows: Ints, n_items: int) -> Doubles:
    """[items, items]: in how many users' histories two items stand together, X'X with binary X."""
    chosen = who_chose(user_rows, item_rows, n_items)
    together: Doubles = (chosen.T @ chosen).toarray()
    return together


def item_weights(together: Doubles, l2: float) -> Doubles:
    """[items, items] B with zero diagonal, which minimises |X - XB|² + l2 |B|².

    Eq. (8) of the paper: B = -P / diag(P), P = (X'X + l2 I)^-1.
    """
    inverse = np.linalg.inv(together + l2 * np.eye(len(together)))
    weights: Doubles = -inverse / np.diag(inverse)[None, :]
    np.fill_diagonal(weights, 0.0)
    return weights


def item_vectors(together: Doubles, dim: int = VECTOR_DIM) -> Doubles:
    """[items, dim]: the leading eigenvectors of the cosine matrix, scaled; untouched items are 0.

    Signs are fixed, so that equal data give equal vectors.
    """
    counts = np.diag(together)
    scale = np.divide(1.0, np.sqrt(counts), out=np.zeros_like(counts), where=counts > 0)
    values, vectors = np.linalg.eigh(together * scale[:, None] * scale[None, :])
    leading = np.argsort(-values, kind="stable")[:dim]
    chosen = vectors[:, leading]
    signs = np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(len(leading))])
    scaled: Doubles = chosen * signs * np.sqrt(np.maximum(values[leading], 0.0))
    return scaled
