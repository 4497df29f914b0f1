"""Texts of a request to codes, inside the graph: the same code before fitting and in service."""

import re
from typing import Any

import numpy as np

from pipelines.models.engine import tf
from pipelines.models.examples import MIN_SHARING_USERS, PreparedData, Texts
from pipelines.models.multitask.features import bucket_edges

UNKNOWN = 0
NUMBER = r"[+-]?([0-9]{1,15}(\.[0-9]{0,15})?|\.[0-9]{1,15})"
SEPARATOR = "\t"

Tensor = Any


class EventEncoder(tf.Module):
    """Kinds of events to codes, 1 and up; 0 = unknown or padding."""

    def __init__(self, kinds: list[str]) -> None:
        super().__init__()
        self.kinds = kinds
        self.table = _table(kinds, list(range(1, len(kinds) + 1)))

    def __call__(self, events: Tensor) -> Tensor:
        """[…] string to [...] int32."""
        return self.table.lookup(events)


class ProfileEncoder(tf.Module):
    """Profile texts to codes, one vocabulary for all fields; 0 = unknown.

    Args:
        fields: Kind by name.
        values: [users, fields]; each user once.
    """

    def __init__(self, fields: dict[str, str], values: Texts) -> None:
        super().__init__()
        self.size = 1
        self.edges: dict[str, list[float]] = {}
        keys: list[str] = []
        codes: list[int] = []
        self.starts: list[int] = []
        for place, kind in enumerate(fields.values()):
            self.starts.append(self.size)
            if kind in {"number", "timestamp"}:
                edges = bucket_edges(_parsed(values[:, place]))
                self.edges[str(place)] = [float(edge) for edge in edges]
                self.size += len(edges) + 1
            elif kind == "category":
                frequent = _frequent(values[:, place])
                keys += [f"{place}{SEPARATOR}{value}" for value in frequent]
                codes += range(self.size, self.size + len(frequent))
                self.size += len(frequent)
        self.table = _table(keys, codes)

    def __call__(self, profile: Tensor) -> Tensor:
        """[batch, fields] string to [batch, fields] int32."""
        columns = [
            self._number(column, place)
            if str(place) in self.edges
            else self.table.lookup(tf.strings.join([f"{place}{SEPARATOR}", column]))
            for place, column in enumerate(tf.unstack(profile, axis=1))
        ]
        return tf.stack(columns, axis=1) if columns else tf.zeros(tf.shape(profile), tf.int32)

    def _number(self, column: Tensor, place: int) -> Tensor:
        is_number = tf.strings.regex_full_match(column, NUMBER)
        numbers = tf.strings.to_number(tf.where(is_number, column, "0"))
        buckets = tf.searchsorted(tf.constant(self.edges[str(place)], tf.float32), numbers)
        return tf.where(is_number, self.starts[place] + buckets, UNKNOWN)


def profile_encoder(data: PreparedData, rows: Any) -> ProfileEncoder:
    """An encoder of what the users of these rows say of themselves."""
    _, first = np.unique(data.user_start[rows], return_index=True)
    return ProfileEncoder(dict(data.prepared.profile_fields), data.profile[rows[first]])


def event_encoder(data: PreparedData, rows: Any) -> EventEncoder:
    """An encoder of the kinds of events in these rows."""
    return EventEncoder(sorted({str(event) for event in data.events[rows]}))


def _table(keys: list[str], codes: list[int]) -> Any:
    # "" is padding, and nobody's value: with it, a table is never empty, which TensorFlow refuses
    initial = tf.lookup.KeyValueTensorInitializer(
        tf.constant(["", *keys], tf.string), tf.constant([UNKNOWN, *codes], tf.int32)
    )
    return tf.lookup.StaticHashTable(initial, UNKNOWN)


def _frequent(values: Texts) -> list[str]:
    distinct, counts = np.unique(values.astype(str), return_counts=True)
    return [str(value) for value in distinct[(counts >= MIN_SHARING_USERS) & (distinct != "")]]


def _parsed(values: Texts) -> Any:
    return np.array(
        [float(v) if re.fullmatch(NUMBER, str(v)) else np.nan for v in values], dtype=np.float64
    )
