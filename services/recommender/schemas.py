"""The shapes of requests: strict, closed, with an example each.

The OpenAPI document is generated from these classes, so what they say is what is documented.
"""

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import PydanticCustomError

from services.recommender.identity import PREFIX

MAX_ID_LENGTH = 256
MAX_K = 1_000
MAX_HISTORY = 1_000
MAX_EXCLUDE = 10_000
MAX_RANKED = 1_000
MAX_SIMILAR = 100
MAX_FIELDS = 50
MAX_PROFILE = 100

_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
_RFC3339 = re.compile(
    r"(\d{4}-\d\d-\d\d)[Tt ](\d\d:\d\d:\d\d)(\.\d{1,9})?([Zz]|[+-]\d\d:\d\d)", re.ASCII
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _opaque(value: str) -> str:
    if _CONTROL.search(value):
        raise PydanticCustomError("control-character", "must not hold control characters")
    if not value.strip():
        raise PydanticCustomError("blank", "must not be blank")
    return value


def _raw(value: str) -> str:
    if value.startswith(PREFIX):
        raise PydanticCustomError(
            "reserved-prefix", "must be a raw id: the prefix p1_ is reserved for pseudonyms"
        )
    return value


def _micros(value: object) -> int:
    if isinstance(value, str) and (parts := _RFC3339.fullmatch(value)):
        day, clock, fraction, zone = parts.groups()
        digits = (fraction or ".0")[1:7].ljust(6, "0")
        try:
            moment = datetime.fromisoformat(f"{day}T{clock}.{digits}{zone.upper()}")
            micros = (moment - _EPOCH) // timedelta(microseconds=1)
        except (ValueError, OverflowError):
            micros = -1
        if micros >= 0:
            return micros
    raise PydanticCustomError(
        "not-a-timestamp", "must be an RFC 3339 instant from 1970 on, such as 1998-04-20T10:00:00Z"
    )


IdText = Annotated[str, Field(min_length=1, max_length=MAX_ID_LENGTH), AfterValidator(_opaque)]
UserId = Annotated[IdText, AfterValidator(_raw)]
Text = Annotated[str, Field(max_length=MAX_ID_LENGTH)]
Instant = Annotated[
    int, BeforeValidator(_micros), WithJsonSchema({"type": "string", "format": "date-time"})
]
"""RFC 3339 outside, microseconds since 1970 inside."""
K = Annotated[int, Field(ge=1, le=MAX_K)]


class Shape(BaseModel):
    """What all bodies share: unknown fields and numbers that are not finite are refused."""

    model_config = ConfigDict(
        frozen=True,
        extra="forbid",
        strict=True,
        allow_inf_nan=False,
        hide_input_in_errors=True,  # a traceback in a log must hold no user id
    )


def with_example(**example: Any) -> ConfigDict:
    """A shape's configuration with the example that its documentation shows."""
    return ConfigDict(json_schema_extra={"examples": [example]})


class HistoryEntry(Shape):
    """One past interaction of the user."""

    model_config = with_example(item_id="50", value=5, timestamp="1998-04-20T10:00:00Z")

    item_id: IdText
    event: IdText | None = None
    """What the user did; absent = what the model recommends for (the positive event)."""
    value: float | None = None
    """For example the rating; null = none."""
    timestamp: Instant | None = None
    """Absent = just before now, in the order given."""


class Context(Shape):
    """The circumstances of a request."""

    model_config = with_example(timestamp="1998-04-20T10:00:00Z")

    timestamp: Instant | None = None
    """Now, as the model shall see it; absent = the platform's clock."""


History = Annotated[list[HistoryEntry], Field(max_length=MAX_HISTORY)]
Profile = Annotated[dict[IdText, Text], Field(max_length=MAX_PROFILE)]


class RecommendRequest(Shape):
    """For whom, and what must not be in the slate."""

    model_config = with_example(user_id="196", k=10, return_fields=["title"])

    user_id: UserId | None = None
    """The raw id; it is pseudonymised on arrival."""
    history: History | None = None
    """Replaces the stored history for scoring; oldest first where timestamps are absent."""
    profile: Profile | None = None
    """Replaces the stored profile."""
    k: K = 10
    exclude_seen: bool | None = None
    """Leave out all that the user is known to have seen and all of the given history; null: so it
    is, unless items of this data set are chosen again."""
    exclude: Annotated[list[IdText], Field(max_length=MAX_EXCLUDE)] = []
    """Items that must not be in the slate."""
    return_fields: Annotated[list[IdText], Field(max_length=MAX_FIELDS)] = []
    """Item fields to answer with, for example title."""
    context: Context | None = None


class RankRequest(Shape):
    """For whom, and which items to put in order."""

    model_config = with_example(user_id="196", item_ids=["50", "181", "258"])

    user_id: UserId | None = None
    history: History | None = None
    item_ids: Annotated[list[IdText], Field(min_length=1, max_length=MAX_RANKED)]


class SimilarRequest(Shape):
    """One item or several, each to be answered with its neighbours."""

    model_config = with_example(item_id="50", k=5)

    item_id: IdText | None = None
    item_ids: Annotated[list[IdText], Field(min_length=1, max_length=MAX_SIMILAR)] | None = None
    k: K = 10

    @model_validator(mode="after")
    def _has_one_of_both(self) -> "SimilarRequest":
        if (self.item_id is None) == (self.item_ids is None):
            raise PydanticCustomError("either-or", "needs either item_id or item_ids")
        return self
