"""Time as text, as microseconds and as partition KEYs: units, grains and their calendars."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from pipelines.descriptors import Grain, Unit
from pipelines.errors import PartitionKey
from pipelines.storage import micros, rfc3339

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt
    import pandas as pd

MICROS_PER_UNIT: dict[Unit, float] = {
    "seconds": 1e6,
    "milliseconds": 1e3,
    "microseconds": 1.0,
    "nanoseconds": 1e-3,
}
FIRST_US = micros(datetime(1970, 1, 2, tzinfo=UTC))
"""Not the first day: what falls on it is a zero, or a number that was read in a wrong unit."""
LIKELY_US = micros(datetime(1971, 1, 1, tzinfo=UTC))
"""A median before it speaks for a wrong unit: seconds of today, read as milliseconds, are 1970."""
LAST_US = micros(datetime(2200, 1, 1, tzinfo=UTC))
NUMBER = r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?"
_ZONED = r".*(Z|z|[+-]\d{2}:?\d{2})"
_LOCAL = r"\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}([.,]\d+)?)?"
_FORMS: dict[Grain, tuple[str, str, str]] = {
    "hour": (r"\d{4}-\d{2}-\d{2}T\d{2}", "%Y-%m-%dT%H", "1998-03-09T14"),
    "day": (r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d", "1998-03-10"),
    "week": (r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d", "1998-03-09, a Monday"),
    "month": (r"\d{4}-\d{2}-\d{2}", "%Y-%m-%d", "1998-03-01"),
}


@dataclass(frozen=True)
class Period:
    """The span [start, end) of a KEY."""

    start_us: int
    end_us: int


def to_micros(
    texts: "pd.Series[str]", unit: Unit, timezone: str | None = None
) -> "npt.NDArray[np.float64]":
    """Timestamps as text → microseconds since 1970, UTC; NaN where they cannot be read.

    Float64 holds microseconds exactly until the year 2255.

    Args:
        texts: The timestamps.
        unit: How they are written. ISO 8601 needs a zone: without one a time is ambiguous.
        timezone: The zone of ISO 8601 times that name none. An hour that the clocks skip or
            repeat there is not read.
    """
    import numpy as np
    import pandas as pd

    if unit != "iso8601":
        return np.rint(to_numbers(texts) * MICROS_PER_UNIT[unit])
    zoned = texts.str.fullmatch(_ZONED)
    moments = pd.to_datetime(texts.where(zoned, ""), utc=True, format="ISO8601", errors="coerce")
    if timezone:
        local = texts.where(texts.str.fullmatch(_LOCAL), "")
        named = pd.to_datetime(local, format="ISO8601", errors="coerce")
        named = named.dt.tz_localize(timezone, ambiguous="NaT", nonexistent="NaT")
        moments = moments.fillna(named.dt.tz_convert("UTC"))
    whole = moments.astype("datetime64[us, UTC]").astype("int64").to_numpy(dtype=np.float64)
    return np.where(moments.isna(), np.nan, whole)


def to_numbers(texts: "pd.Series[str]", decimal: str = ".") -> "npt.NDArray[np.float64]":
    """Decimal numbers as text → float64; NaN for all else (also for `nan`, `inf`, `1_0`, `٣`).

    Args:
        texts: The numbers.
        decimal: Between the whole and the fraction; with a comma a point is no number.
    """
    import numpy as np
    import pandas as pd

    if decimal != ".":
        texts = texts.str.replace(".", "?", regex=False).str.replace(decimal, ".", regex=False)
    plain = texts.str.fullmatch(NUMBER, flags=re.ASCII).to_numpy(dtype=bool)
    numbers = pd.to_numeric(texts.where(plain, None), errors="coerce")
    return np.asarray(numbers, dtype=np.float64)


def is_plausible(timestamps: "npt.NDArray[np.float64]") -> "npt.NDArray[np.bool_]":
    """Which timestamps, in microseconds, lie in 1970-01-02 … 2199; false for NaN."""
    return (timestamps >= FIRST_US) & (timestamps < LAST_US)


def likely_unit(median_us: float, unit: Unit) -> Unit | None:
    """The unit in which timestamps must be read to be plausible, if it is not the given one.

    Args:
        median_us: The median timestamp, in microseconds, read in `unit`.
        unit: The declared unit.
    """
    if unit == "iso8601" or LIKELY_US <= median_us < LAST_US:
        return None
    for other, factor in MICROS_PER_UNIT.items():
        if LIKELY_US <= median_us / MICROS_PER_UNIT[unit] * factor < LAST_US:
            return other
    return None


def keys_of(timestamps: "npt.NDArray[np.float64]", grain: Grain) -> "npt.NDArray[np.str_]":
    """The KEY of each timestamp; all of them must be plausible."""
    import numpy as np

    moments = timestamps.astype(np.int64).astype("datetime64[us]")
    if grain == "hour":
        return np.datetime_as_string(moments.astype("datetime64[h]"))
    if grain == "month":
        moments = moments.astype("datetime64[M]")
    days = moments.astype("datetime64[D]")
    if grain == "week":  # day 0 of the epoch was a Thursday
        days = days - (days.astype(np.int64) + 3) % 7
    return np.datetime_as_string(days)


def period(key: str, grain: Grain) -> Period:
    """The span of a KEY.

    Raises:
        PartitionKey: It is none of this grain; nothing else may be built from it.
    """
    form, pattern, example = _FORMS[grain]
    start = _parse(key, form, pattern)
    if start is None or not FIRST_US <= micros(start) < LAST_US or _start(start, grain) != start:
        raise PartitionKey(
            f"{key[:40]!r} is not the start of a {grain}",
            where=[f"grain {grain}"],
            hint=f"a KEY is the grain's start in UTC, for example {example}" + _near(start, grain),
        )
    return Period(micros(start), micros(_end(start, grain)))


def start_of(moment: datetime, grain: Grain) -> datetime:
    """The start of the KEY that a moment in UTC lies in."""
    hour = moment.replace(minute=0, second=0, microsecond=0)
    return hour if grain == "hour" else _start(hour.replace(hour=0), grain)


def _parse(key: str, form: str, pattern: str) -> datetime | None:
    if not re.fullmatch(form, key, flags=re.ASCII):
        return None
    try:
        return datetime.strptime(key, pattern).replace(tzinfo=UTC)
    except ValueError:
        return None


def _start(moment: datetime, grain: Grain) -> datetime:
    if grain == "week":
        return moment - timedelta(days=moment.weekday())
    return moment.replace(day=1) if grain == "month" else moment


def _end(start: datetime, grain: Grain) -> datetime:
    if grain == "month":
        return (start + timedelta(days=32)).replace(day=1)
    return start + {"hour": timedelta(hours=1), "day": timedelta(days=1)}.get(
        grain, timedelta(days=7)
    )


def _near(moment: datetime | None, grain: Grain) -> str:
    if moment is None:
        return ""
    return f"; that date belongs to {rfc3339(_start(moment, grain))[:10]}"
