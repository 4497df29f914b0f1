"""Golden requests: made-up histories with the answers that the written file gave to them.

Whoever loads the file later, in another process or behind HTTP, must get the same answers. The
histories are drawn from the catalogue and not from users: an artifact holds no person.
"""

from collections.abc import Iterator
from itertools import count
from math import gcd
from typing import Any, Literal, Protocol

import numpy as np
import numpy.typing as npt
from pydantic import Field

from pipelines.contracts.record import Record
from pipelines.models.examples import (
    MIN_SHARING_USERS,
    UNKNOWN,
    Histories,
    PreparedData,
    Queries,
)

TOLERANCE = 1e-4
"""By how much a score or a prediction may differ between two loads of one file."""

MINUTE_US = 60_000_000
LARGEST_K = 1_000
"""The API's largest k."""
LARGEST_EXCLUSION = 10_000
"""Items that one request to the API may exclude."""
LISTED = 20
"""Items of an answer that are written down; of a longer one the first half and the last."""
SHOWN_KINDS = ("category", "number")
"""Profile fields of which a golden request names a value."""
STRIDE = 37
"""Steps through the catalogue, so that histories mix."""


class GoldenEvent(Record):
    """One event of a golden history."""

    item_id: str
    event: str
    value: float | None
    timestamp: int
    """Microseconds."""


class Expected(Record):
    """What the file answered when it was written: the items of a slate, no empty place."""

    n_items: int
    """Length of the slate. Its first items are listed, and its last ones where it is longer."""
    item_ids: list[str]
    scores: list[float]
    predictions: list[list[float]]


class GoldenRequest(Record):
    """A request with the manifest's task weights."""

    name: str
    history: list[GoldenEvent]
    profile: dict[str, str]
    """By field; a field that is absent is unknown."""
    now: int
    """Microseconds."""
    k: int
    allow: Literal["all", "none"]
    """Which items may be recommended."""
    expected: Expected


NOTHING = Expected(n_items=0, item_ids=[], scores=[], predictions=[])
LONGEST, LONGER = "the longest history", "longer than the model reads"
"""Two requests with one answer."""


class Golden(Record):
    """`golden.json`."""

    schema_: Literal[2] = Field(2, alias="schema")
    requests: list[GoldenRequest]


class Slates(Protocol):
    """The answer to a batch of queries."""

    @property
    def item_ids(self) -> npt.NDArray[np.object_]:
        """Best first, [batch, k]."""

    @property
    def scores(self) -> npt.NDArray[np.float32]:
        """Best first, [batch, k]."""

    @property
    def predictions(self) -> npt.NDArray[np.float32]:
        """In natural units, [batch, k, heads]."""


def make_requests(data: PreparedData, max_history: int, now: int) -> list[GoldenRequest]:
    """Requests without answers: every kind of history, profile and k that must work."""
    n_items = len(data.item_ids)
    events, profile = _events(data, max_history + 20, now), _frequent_profile(data)
    newest = events[len(events) - max_history :]
    unknown = [
        event.model_copy(update={"item_id": f"not in the catalogue {number}"})
        for number, event in enumerate(events[-2:])
    ]
    some = min(10, n_items)

    def request(name: str, history: list[GoldenEvent], k: int, **who: str) -> GoldenRequest:
        return GoldenRequest(
            name=name, history=history, profile=who, now=now, k=k, allow="all", expected=NOTHING
        )

    requests = [
        request("empty history", [], some, **profile),
        request("one event", events[-1:], some, **profile),
        request("typical", events[-10:], some, **profile),
        request(LONGEST, newest, some, **profile),
        request(LONGER, events, some, **profile),
        request("unknown items", events[-5:-2] + unknown, some, **profile),
        request("only unknown items", unknown, some, **profile),
        request("unknown profile", events[-10:], some),
        request("nothing known", [], some),
        request("k of 1", events[-5:], 1, **profile),
        request("large k", events[-5:], min(LARGEST_K, n_items), **profile),
    ]
    if n_items <= LARGEST_EXCLUSION:
        excluded = request("all items excluded", events[-5:], some, **profile)
        requests.append(excluded.model_copy(update={"allow": "none"}))
    return requests


def to_allow(requests: list[GoldenRequest], n_items: int) -> npt.NDArray[np.bool_]:
    """[requests, items]: what may be recommended to each."""
    rows = [[request.allow == "all"] * n_items for request in requests]
    return np.array(rows, dtype=bool).reshape(len(requests), n_items)


def to_queries(requests: list[GoldenRequest], profile_fields: list[str]) -> Queries:
    """The requests as one batch, padded in front to the longest history."""
    length = max(len(request.history) for request in requests)
    padded = [_padded(request.history, length) for request in requests]

    def column(name: str, dtype: Any) -> Any:
        rows = [[getattr(event, name) for event in history] for history in padded]
        return np.array(rows, dtype=dtype).reshape(len(requests), length)

    histories = Histories(
        item_ids=column("item_id", object),
        events=column("event", object),
        values=column("value", np.float32),  # None becomes NaN
        timestamps=column("timestamp", np.int64),
    )
    profile = [[request.profile.get(field, "") for field in profile_fields] for request in requests]
    return Queries(
        histories,
        np.array(profile, dtype=object).reshape(len(requests), len(profile_fields)),
        np.array([request.now for request in requests], dtype=np.int64),
    )


def answered(request: GoldenRequest, slates: Slates, row: int) -> GoldenRequest:
    """The request with what row `row` of the slates says.

    A place counts as empty when it holds neither an id nor a finite score nor a prediction.
    """
    ids, scores = slates.item_ids[row, : request.k], slates.scores[row, : request.k]
    predictions = slates.predictions[row, : request.k]
    is_item = (ids != "") | np.isfinite(scores) | np.isfinite(predictions).any(axis=1)
    items = np.flatnonzero(is_item)
    shown = items[listed(len(items), min(len(items), LISTED))]
    # unchecked: what a damaged model answers, NaN too, must be told as a difference
    expected = Expected.model_construct(
        n_items=len(items),
        item_ids=[str(item_id) for item_id in ids[shown]],
        scores=[float(score) for score in scores[shown]],
        predictions=predictions[shown].astype(float).tolist(),
    )
    return request.model_copy(update={"expected": expected})


def listed(n_items: int, n_listed: int) -> list[int]:
    """Places of a slate that are written down: the first half of them and the last."""
    head = (n_listed + 1) // 2
    return [*range(head), *range(n_items - (n_listed - head), n_items)]


def differences(wanted: Expected, got: Expected) -> list[str]:
    """Where two answers differ by more than the tolerance; empty = equal.

    Two items whose scores lie within the tolerance may stand in either order; so may an item that
    is not listed where the list breaks off.
    """
    if (wanted.n_items, len(wanted.item_ids)) != (got.n_items, len(got.item_ids)):
        return [f"{got.n_items} items for {wanted.n_items}"]
    found = [
        f"score {place + 1} is {have:.6f} for {want:.6f}"
        for place, (want, have) in enumerate(zip(wanted.scores, got.scores, strict=True))
        if not abs(want - have) <= TOLERANCE
    ]
    known = dict(
        zip(wanted.item_ids, zip(wanted.scores, wanted.predictions, strict=True), strict=True)
    )
    edges = _edges(wanted)
    for place, (item_id, score) in enumerate(zip(got.item_ids, got.scores, strict=True)):
        own = known.get(item_id)
        if not any(abs(one - score) <= TOLERANCE for one in ([own[0]] if own else edges)):
            found.append(f"place {place + 1} holds another item")
        elif own and not np.allclose(own[1], got.predictions[place], rtol=0, atol=TOLERANCE):
            found.append(f"predictions at place {place + 1} differ")
    return found


def _edges(expected: Expected) -> list[float]:
    """Scores at which the list of items breaks off."""
    n_listed = len(expected.item_ids)
    head = (n_listed + 1) // 2
    gap = expected.scores[head - 1 : head + 1] if n_listed < expected.n_items else []
    return [*gap, *expected.scores[-1:]]


def _events(data: PreparedData, length: int, now: int) -> list[GoldenEvent]:
    """A made-up history, a minute apart, that goes through the catalogue in strides."""
    items, n_items = data.item_ids, len(data.item_ids)
    stride = next(step for step in count(STRIDE) if gcd(step, n_items) == 1)
    return [
        GoldenEvent(
            item_id=items[(place * stride) % n_items],
            event=kind,
            value=value,
            timestamp=now - (length - place) * MINUTE_US,
        )
        for place, (kind, value) in zip(range(length), _kinds(data), strict=False)
    ]


def _kinds(data: PreparedData) -> Iterator[tuple[str, float | None]]:
    """Kinds of events with values that the data know, over and over."""
    known = data.interactions[["event", "value"]].drop_duplicates().sort_values(["event", "value"])
    pairs = [
        (str(event), None if np.isnan(value) else float(value))
        for event, value in known.itertuples(index=False)
    ]
    place = 0
    while True:
        yield pairs[place % len(pairs)]
        place += 1


def _frequent_profile(data: PreparedData) -> dict[str, str]:
    """The value of each field that most users carry: nobody's own, and no free text."""
    profile = {}
    for field, kind in data.prepared.profile_fields.items():
        column = f"profile_{field}"
        pairs = data.interactions[["user_id", column]].drop_duplicates()
        counts = pairs.loc[pairs[column] != UNKNOWN, column].value_counts()
        if kind in SHOWN_KINDS and counts.max() >= MIN_SHARING_USERS:
            profile[field] = min(str(value) for value in counts.index[counts == counts.max()])
    return profile


def _padded(history: list[GoldenEvent], length: int) -> list[GoldenEvent]:
    padding = GoldenEvent(item_id="", event="", value=None, timestamp=0)
    return [padding] * (length - len(history)) + history
