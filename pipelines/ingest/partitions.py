"""Which KEYs a request means, and which source rows belong to which KEY."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipelines import timeline
from pipelines.contracts.data import IngestRequest, Notice
from pipelines.descriptors import Descriptor, Grain, Interactions, Unit
from pipelines.errors import (
    NoNewPartition,
    NoRows,
    PartitionKey,
    TimestampFormat,
    TimestampUnit,
    UsageError,
    shorten,
)

MONTHS = 12
ODD_SHARE = 0.5
"""Of the times; fewer go to quarantine row by row."""
UNREAD = ""
"""Stands for the KEY of rows whose time cannot be read."""
_DAY_OR_MONTH_FIRST = r"^\s*(\d{1,2})[./-](\d{1,2})[./-]\d{2,4}(?:\D.*)?$"


def check(request: IngestRequest, grain: Grain) -> None:
    """Refuses a request whose KEYs or combination make no sense; no path is built before.

    Raises:
        PartitionKey: A KEY is none of this grain, or the range runs backwards.
        UsageError: --partition and --file do not come together, or come with a range.
    """
    keys = (request.from_key, request.to_key, request.partition)
    starts = [timeline.period(key, grain).start_us if key is not None else None for key in keys]
    if (request.partition is None) != (request.file is None):
        raise UsageError(
            "--partition and --file go together",
            hint="tandem ingest --partition KEY --file PATH",
        )
    if request.partition is not None and (request.from_key or request.to_key):
        raise UsageError("--partition takes no range", hint="leave out --from and --to")
    if starts[0] is not None and starts[1] is not None and starts[0] > starts[1]:
        raise PartitionKey(
            f"the range runs backwards: {request.from_key} is after {request.to_key}",
            hint="swap --from and --to",
        )


def split(frame: pd.DataFrame, grain: Grain, table: Interactions) -> dict[str, pd.DataFrame]:
    """The rows of each KEY, in the source's order.

    Rows whose time cannot be read stand under `UNREAD`.

    Args:
        frame: Interactions as text.
        grain: The length of a partition.
        table: How times are written, and the source's name for messages.

    Raises:
        TimestampUnit: Most times make sense in another unit only, or none does in this one.
        TimestampFormat: Most times are written day first or month first.
    """
    name = table.path or "query of interactions"
    check_written(frame, name)
    times = timeline.to_micros(frame["timestamp"], table.timestamp_unit, table.timezone)
    readable = timeline.is_plausible(times)
    _check_unit(times, table.timestamp_unit, name)
    keys = np.full(len(frame), UNREAD, dtype=object)
    keys[readable] = timeline.keys_of(times[readable], grain)
    return {
        str(key): rows.reset_index(drop=True)
        for key, rows in frame.groupby(keys.astype(str), sort=True)
    }


def whole(
    rows: Mapping[str, pd.DataFrame], descriptor: Descriptor
) -> tuple[dict[str, pd.DataFrame], list[Notice]]:
    """The rows of the KEYs that the source has whole, and what was left out.

    Args:
        rows: As `split` gives them.
        descriptor: Its `last_key` says where the source breaks off.

    Raises:
        PartitionKey: `last_key` is no KEY of the grain.
        NoRows: Nothing lies before its end.
    """
    last = descriptor.last_key
    if last is None:
        return dict(rows), []
    timeline.period(last, descriptor.grain)
    later = [key for key in keys_in(rows) if key > last]
    kept = {key: frame for key, frame in rows.items() if key not in later}
    if not keys_in(kept):
        raise NoRows(f"the source has no row before the end of {last}, its `last_key`")
    n_rows = sum(len(rows[key]) for key in later)
    text = f"{n_rows:,} rows after {last}, the last KEY that the source has whole"
    return kept, [Notice(slug="after-last-key", text=text)] if later else []


def check_written(frame: pd.DataFrame, name: str) -> None:
    """Refuses times of which nobody can tell the day from the month.

    Args:
        frame: Interactions as text.
        name: The file's name, for messages.

    Raises:
        TimestampFormat: Most times are written with day and month before the year.
    """
    parts = frame["timestamp"].str.extract(_DAY_OR_MONTH_FIRST)
    odd = parts[0].notna()
    if odd.mean() <= ODD_SHARE:
        return
    first, second = parts[odd].astype(int).max()
    seen = {(first > MONTHS): "day first", (second > MONTHS): "month first"}
    found = seen.get(True, "day first or month first, which nothing in them tells")
    examples = frame.loc[odd, "timestamp"].drop_duplicates().head(2)
    raise TimestampFormat(
        f"{odd.sum():,} of {len(odd):,} timestamps are written {found}: "
        + ", ".join(shorten(text, 40) for text in examples),
        where=[f"{name}, line {frame.loc[odd, 'source_line'].iloc[0]}"],
        hint="write them as ISO 8601 with a zone, for example 2001-02-05T14:30:00Z",
    )


def choose(
    rows: Mapping[str, pd.DataFrame], accepted: Mapping[str, str], request: IngestRequest
) -> list[str]:
    """The KEYs that a request asks for, among those that the source has, in order.

    Args:
        rows: The source's rows, as `split` gives them.
        accepted: Digest of the accepted landing by KEY.
        request: A range, or nothing: then the first KEY that is not accepted.

    Raises:
        NoNewPartition: There is none.
    """
    ordered = keys_in(rows)
    if request.from_key is None and request.to_key is None:
        chosen = [key for key in ordered if key not in accepted][:1]
    else:
        first, last = request.from_key or ordered[0], request.to_key or ordered[-1]
        chosen = [key for key in ordered if first <= key <= last]
    if not chosen:
        raise NoNewPartition(
            "the source has no new partition",
            where=[f"{request.from_key or '…'} to {request.to_key or '…'}", *_unread(rows)],
            hint=f"it has {ordered[0]} to {ordered[-1]}; {len(accepted)} are accepted",
        )
    return chosen


def keys_in(rows: Mapping[str, pd.DataFrame]) -> list[str]:
    """The KEYs of what `split` gives, in order; at least one."""
    return sorted(key for key in rows if key != UNREAD)


def with_unread(
    rows: Mapping[str, pd.DataFrame], chosen: Sequence[str]
) -> tuple[dict[str, pd.DataFrame], list[Notice]]:
    """The rows of the chosen KEYs, and what became of those whose time cannot be read.

    They go with the source's earliest KEY, where validation refuses them one by one, if that is
    chosen; else they stay out, and a notice counts them.
    """
    taken = {key: rows[key] for key in chosen}
    first = keys_in(rows)[0]
    if UNREAD not in rows:
        return taken, []
    if first in taken:
        whole = pd.concat([rows[first], rows[UNREAD]])
        taken[first] = whole.sort_values("source_line", ignore_index=True)
        return taken, []
    return taken, [Notice(slug="timestamp-unread", text=text) for text in _unread(rows)]


def _unread(rows: Mapping[str, pd.DataFrame]) -> list[str]:
    odd = rows.get(UNREAD)
    if odd is None:
        return []
    line = odd["source_line"].iloc[0]
    return [
        f"{len(odd):,} rows whose time cannot be read belong to no KEY, the first in line {line}"
    ]


def _check_unit(times: np.ndarray, unit: Unit, name: str) -> None:
    known = times[~np.isnan(times)]
    median = float(np.median(known)) if len(known) else float("nan")
    plausible = timeline.is_plausible(np.array([median, *known]))
    if plausible[0] and plausible[1:].any():
        return
    other = timeline.likely_unit(median, unit)
    key = "interactions.timestamp_unit"
    raise TimestampUnit(
        f"{len(known)} of {len(times)} timestamps can be read as {unit}, "
        + ("none of them as a date since 1970" if len(known) else "so no row has a time"),
        where=[name],
        hint=f"set {key}: {other} in the descriptor" if other else f"check {key}",
    )
