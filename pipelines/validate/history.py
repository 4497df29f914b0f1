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
from pipelines.descriptors import Grain, Interactions, Scale
from pipelines.params import ValidateParams

N_BINS = 10
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
    values = Values.of(intact["value"].to_numpy(dtype=np.float64), table.value_scale)
    measured: dict[str, object] = {
        "unit_meant": timeline.likely_unit(float(np.median(times)), table.timestamp_unit)
        if len(times)
        else None,
        "n_times": len(np.unique(times)) if is_large else None,
        "volume_ratio": len(intact) / float(np.median([r.rows_read for r in past]))
        if enough
        else None,
    }
    compared = enough and is_large
    return measured | _value_facts(values, past if compared else [])


def _value_facts(values: Values, past: Sequence[PartitionReport]) -> dict[str, object]:
    means = [r.value_mean for r in past if r.value_mean is not None]
    sds = [r.value_sd for r in past if r.value_sd]
    if values.mean is None or values.sd is None or not means or not sds:
        return {"value_shift": None, "value_spread": None, "value_psi": None}
    sd = float(np.median(sds))
    return {
        "value_shift": abs(values.mean - float(np.median(means))) / sd,
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
