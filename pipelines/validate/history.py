"""A partition against the past: volume, values, snapshots, gaps and repeats, as one row of facts.

The facts say what was measured; the limits are in the suite. Null means: not enough to compare.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines import timeline
from pipelines.contracts.data import PartitionReport
from pipelines.descriptors import Grain, Interactions, Scale, Unit
from pipelines.params import ValidateParams

N_BINS = 10
EXCEL_DAYS = (10_000, 80_000)
"""1927 to 2119, as Excel counts; as seconds it would be a day of January 1970."""
_FLOOR = 1e-4
"""Least share of a bin, so that an empty one does not make the index infinite."""


@dataclass(frozen=True)
class Values:
    """The distribution of a partition's values."""

    mean: float | None
    sd: float | None
    histogram: list[int]

    @classmethod
    def of(cls, values: "npt.NDArray[np.float64]", scale: Scale | None) -> "Values":
        """Mean, standard deviation and rows per equal bin of the scale; NaN are left out."""
        known = values[np.isfinite(values)]
        if not len(known):
            return cls(None, None, [])
        counts: list[int] = []
        if scale:
            counts = np.histogram(known, N_BINS, (scale.minimum, scale.maximum))[0].tolist()
        return cls(float(known.mean()), float(known.std()), counts)


def trailing(reports: Sequence[PartitionReport], key: str, window: int) -> list[PartitionReport]:
    """The newest accepted partitions before a KEY, oldest first."""
    earlier = sorted((r for r in reports if r.key < key), key=lambda report: report.key)
    return earlier[-window:]


def facts(
    frame: pd.DataFrame,
    table: Interactions,
    past: Sequence[PartitionReport],
    limits: ValidateParams,
) -> dict[str, object]:
    """What is measured about a partition as a whole.

    Args:
        frame: Judged interactions (`frames.interactions`).
        table: The unit and the scale.
        past: Earlier partitions, oldest first.
        limits: How much it takes to compare.
    """
    intact = frame[frame["fault"] == ""]
    times = intact["timestamp"].to_numpy(dtype=np.float64)
    times = times[~np.isnan(times)]
    enough = len(past) >= limits.min_history
    is_large = len(intact) >= limits.min_rows
    values = _in_scale(intact["value"].to_numpy(dtype=np.float64), table.value_scale, limits)
    measured: dict[str, object] = {
        "unit_meant": _unit_meant(float(np.median(times)), table.timestamp_unit)
        if len(times)
        else None,
        "n_times": len(np.unique(times)) if is_large else None,
        "comma_share": _comma_share(intact, table),
        "user_share": _largest_share(intact["user_id"]) if is_large else None,
        "item_share": _largest_share(intact["item_id"]) if is_large else None,
    }
    measured |= _volumes(intact, past if enough else [])
    compared = enough and is_large
    return measured | _value_facts(Values.of(values, table.value_scale), past if compared else [])


def beyond(value: float, past: Sequence[float]) -> float | None:
    """A value, times the nearer end of the past range; 1 within it, None without a past."""
    if not past:
        return None
    low, high = min(past), max(past)
    if low <= value <= high:
        return 1.0
    nearer = low if value < low else high
    return value / nearer if nearer else None


def _volumes(intact: pd.DataFrame, past: Sequence[PartitionReport]) -> dict[str, object]:
    users, items = intact["user_id"].nunique(), intact["item_id"].nunique()
    return {
        "volume_ratio": beyond(len(intact), [r.rows_read for r in past]),
        "active_users_ratio": beyond(users, [r.users for r in past]),
        "active_items_ratio": beyond(items, [r.items for r in past]),
    }


def _unit_meant(median_us: float, unit: Unit) -> str | None:
    days = median_us / timeline.MICROS_PER_UNIT.get(unit, 1.0)
    if unit != "iso8601" and EXCEL_DAYS[0] <= days < EXCEL_DAYS[1]:
        return "Excel's days since 1899-12-30; write them as ISO 8601"
    return timeline.likely_unit(median_us, unit)


def _in_scale(
    values: "npt.NDArray[np.float64]", scale: Scale | None, limits: ValidateParams
) -> "npt.NDArray[np.float64]":
    """The values without those that go to quarantine; too many of them are another scale."""
    if scale is None:
        return values
    known = values[~np.isnan(values)]
    fits = (known >= scale.minimum) & (known <= scale.maximum)
    return known[fits] if (~fits).sum() <= limits.max_row_failures * len(known) else known


def _comma_share(intact: pd.DataFrame, table: Interactions) -> float | None:
    if table.decimal == "," or intact.empty:
        return None
    return float(intact["has_comma"].astype(bool).mean())


def _largest_share(ids: "pd.Series[str]") -> float:
    return float(ids.value_counts().iloc[0] / len(ids))


def _value_facts(values: Values, past: Sequence[PartitionReport]) -> dict[str, object]:
    means = [r.value_mean for r in past if r.value_mean is not None]
    sds = [r.value_sd for r in past if r.value_sd]
    if values.mean is None or values.sd is None or not means or not sds:
        return {"value_shift": None, "value_spread": None, "value_psi": None}
    sd = float(np.median(sds))
    return {
        "value_shift": max(0.0, values.mean - max(means), min(means) - values.mean) / sd,
        "value_spread": values.sd / sd,
        "value_psi": _stability(values.histogram, [r.value_histogram for r in past]),
    }


def snapshot_ratio(rows: int, name: str, past: Sequence[PartitionReport]) -> float | None:
    """Rows of an items or users snapshot, times those of the newest earlier one."""
    before = [t.accepted for r in past for n, t in r.tables.items() if n == name and t.accepted]
    return rows / before[-1] if before else None


def amended_ratio(
    rows: int, key: str, landing_digest: str, reports: Sequence[PartitionReport]
) -> float | None:
    """Rows of an amendment, times those of the revision that it replaces; None if it is none."""
    before = next((report for report in reports if report.key == key), None)
    if before is None or not before.rows or before.landing_digest == landing_digest:
        return None
    return rows / before.rows


def gap(key: str, past: Sequence[PartitionReport], grain: Grain) -> int | None:
    """How many whole partitions lie between a KEY and the newest earlier one."""
    if not past:
        return None
    own, last = timeline.period(key, grain), timeline.period(past[-1].key, grain)
    return round((own.start_us - last.end_us) / (own.end_us - own.start_us))


def repeated(digest: str, key: str, reports: Sequence[PartitionReport]) -> str | None:
    """The other accepted KEY with the same content, if there is one."""
    return next((r.key for r in reports if r.content_digest == digest and r.key != key), None)


def content_digest(users: "pd.Series[str]", text: pd.DataFrame) -> str:
    """SHA-256 over the sorted rows without their times, which a repeat may have shifted.

    Args:
        users: Pseudonyms, so that the digest tells nothing about a person.
        text: Landed interactions.
    """
    columns = [users, text["item_id"], text["event"]]
    columns += [text["value"]] if "value" in text else []
    rows = sorted("\0".join(row) for row in zip(*columns, strict=True))
    return hashlib.sha256("\n".join(rows).encode("utf-8")).hexdigest()


def _stability(now: list[int], past: list[list[int]]) -> float | None:
    """Population stability index, Σ (p - q) ln(p / q); above 0.25 is by custom a shift."""
    before = [counts for counts in past if len(counts) == len(now) and any(counts)]
    if not any(now) or not before:
        return None
    p = np.maximum(np.array(now) / sum(now), _FLOOR)
    total = np.sum(before, axis=0)
    q = np.maximum(total / total.sum(), _FLOOR)
    return float(np.sum((p - q) * np.log(p / q)))
