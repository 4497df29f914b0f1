"""From a request and a user's stored state to the query that a model is asked. Pure."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from services.recommender.artifact import Query
from services.recommender.online import Event
from services.recommender.schemas import HistoryEntry

DEFAULT_EVENT = "view"


def positive_event(tasks: Sequence[Mapping[str, Any]]) -> str:
    """The event kind that the retrieval task calls positive: what an entry without one means."""
    for task in tasks:
        if task.get("kind") == "retrieval":
            return (task.get("positive") or {}).get("event") or DEFAULT_EVENT
    return DEFAULT_EVENT


def given_events(entries: Sequence[HistoryEntry], now: int, default_event: str) -> list[Event]:
    """The history of a request as events, oldest first, in time order.

    An entry without a timestamp happened just before now: the last one a microsecond ago, the one
    before it two microseconds ago, and so on.
    """
    count = len(entries)
    events = [
        Event(
            item_id=entry.item_id,
            event=entry.event or default_event,
            value=entry.value,
            timestamp=now - (count - place) if entry.timestamp is None else entry.timestamp,
        )
        for place, entry in enumerate(entries)
    ]
    return sorted(events, key=lambda event: event.timestamp)


def build(
    events: Sequence[Event], profile: Mapping[str, str], fields: Sequence[str], now: int, limit: int
) -> Query:
    """The query: the newest `limit` events strictly before `now`, and the profile in order.

    Args:
        events: Oldest first.
        profile: Field to value; a missing one is "".
        fields: The profile fields of the model's manifest.
        now: Microseconds since 1970.
        limit: The model's `max_history`; a signature would cut to it anyway.
    """
    earlier = [event for event in events if event.timestamp < now]
    kept = earlier[max(0, len(earlier) - limit) :]
    return Query(
        item_ids=[event.item_id for event in kept],
        events=[event.event for event in kept],
        values=[math.nan if event.value is None else event.value for event in kept],
        timestamps=[event.timestamp for event in kept],
        profile=[profile.get(name, "") for name in fields],
        now=now,
    )
