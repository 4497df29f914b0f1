"""Items as rows of features, by their kind in the descriptor; none by its name.

Every field is a block of columns of length 1, so that a field with many values weighs no more than
one with few: words, tags and categories by inverse document frequency (Spärck Jones, "A
statistical interpretation of term specificity", 1972), log(n / n_carriers), so that what all items
have weighs nothing; numbers by their place between a few quantiles.
"""

import re
from collections import Counter
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import pandas as pd

Doubles = npt.NDArray[np.float64]

WORD = re.compile(r"[^\W\d_]{3,}")
"""Three letters and more: short words and digits say little."""
MIN_CARRIERS = 2
"""A value that only one item carries makes it like no other item."""
MAX_VALUES = 512
"""Of one field, the most carried: memory grows with items times values."""
KNOTS = 5
"""Quantiles that a number is placed between."""
ALIKE = {"category": 1.0, "tags": 1.0, "number": 1.0, "text": 1.0}
"""Weights by kind with which every field counts as much."""


def item_features(
    items: pd.DataFrame, kinds: Mapping[str, str], weights: Mapping[str, float] = ALIKE
) -> Doubles:
    """[items, features] float64, each row of length 1, or 0 where nothing is known of the item.

    Args:
        items: A column per field, typed as `prepare` types it; missing = "", NaN or no tags.
        kinds: Kind by field.
        weights: By kind, how much a field adds to the cosine of two items that are equal in it;
            a `timestamp` weighs as a `number`.
    """
    nothing = np.zeros((len(items), 1))  # without any field there still is a vector
    blocks = [
        np.sqrt(weights["number" if kind == "timestamp" else kind]) * _block(items[name], kind)
        for name, kind in kinds.items()
    ]
    return _unit(np.concatenate([nothing, *blocks], axis=1))


def _block(column: pd.Series, kind: str) -> Doubles:
    if kind in {"number", "timestamp"}:
        return _unit(_between(column.to_numpy(np.float64, na_value=np.nan)))
    return _unit(_carried([_values(value, kind) for value in column]))


def _values(value: object, kind: str) -> set[str]:
    if kind == "tags":
        return set() if value is None else {str(tag) for tag in value} - {""}  # type: ignore[attr-defined]  # a list, or an array as Parquet has it
    if not isinstance(value, str):
        return set()
    return set(WORD.findall(value.casefold())) if kind == "text" else {value} - {""}


def _carried(rows: list[set[str]]) -> Doubles:
    """[items, values]: the value's inverse document frequency where the item carries it."""
    counts = Counter(value for values in rows for value in values)
    often = sorted(counts, key=lambda value: (-counts[value], value))[:MAX_VALUES]
    vocabulary = sorted(value for value in often if counts[value] >= MIN_CARRIERS)
    places = {value: place for place, value in enumerate(vocabulary)}
    block = np.zeros((len(rows), len(vocabulary)))
    for row, values in enumerate(rows):
        for value in values & places.keys():
            block[row, places[value]] = np.log(len(rows) / counts[value])
    return block


def _between(values: Doubles) -> Doubles:
    """[items, knots]: shares of the two quantiles that a number lies between; 0 where unknown."""
    known = np.flatnonzero(np.isfinite(values))
    if not len(known):
        return np.zeros((len(values), 0))
    knots = np.unique(np.quantile(values[known], np.linspace(0, 1, KNOTS)))
    block = np.zeros((len(values), len(knots)))
    # each column is a tent: 1 at its own knot, 0 at its neighbours
    for place, tent in enumerate(np.eye(len(knots))):
        block[known, place] = np.interp(values[known], knots, tent)
    return block


def _unit(rows: Doubles) -> Doubles:
    """Each row divided by its length; rows of zeros stay."""
    lengths = np.linalg.norm(rows, axis=1, keepdims=True)
    divided: Doubles = np.divide(rows, lengths, out=np.zeros_like(rows), where=lengths > 0)
    return divided
