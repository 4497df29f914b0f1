"""What is accepted: canonical tables under pseudonyms, and the data version they make. Pure."""

import hashlib
from collections.abc import Sequence

import numpy as np
import pandas as pd

from pipelines import identity
from pipelines.contracts.data import PartitionReport
from pipelines.descriptors import Entities
from pipelines.validate import frames
from pipelines.validate.decision import Sorted

EVENT_ID_HEX = 32


def pseudonyms(ids: "pd.Series[str]", key: bytes) -> "pd.Series[str]":
    """The pseudonym of each user id."""
    known = {user_id: identity.pseudonym(key, user_id) for user_id in ids.unique()}
    return ids.map(known).astype("str")


def interactions(judged: pd.DataFrame, rows: Sorted, key: bytes) -> pd.DataFrame:
    """The accepted interactions in canonical columns, by (timestamp, user_id, event_id).

    Args:
        judged: `frames.interactions`.
        rows: Where its rows go.
        key: Of the pseudonyms.
    """
    kept = judged.drop(index=list(rows.refused))
    users = pseudonyms(kept["user_id"].astype("str"), key)
    micros = kept["timestamp"].to_numpy(dtype=np.float64).astype(np.int64)
    frame = pd.DataFrame(
        {
            "user_id": users,
            "item_id": kept["item_id"].astype("str"),
            "timestamp": pd.to_datetime(micros, unit="us", utc=True).as_unit("us"),
            "event": kept["event"].astype("str"),
            "value": kept["value"].astype("float32"),
        }
    )
    given = kept["event_id"].fillna("").astype("str")
    frame["event_id"] = given.where(given != "", _event_ids(frame, micros))
    return frame.sort_values(["timestamp", "user_id", "event_id"], ignore_index=True)


def entities(judged: pd.DataFrame, rows: Sorted, table: Entities, id_column: str) -> pd.DataFrame:
    """The accepted items or users with typed features, by id; ids are still the source's."""
    readable = judged.copy()
    for column, positions in rows.unreadable.items():
        readable.loc[positions, column] = None
    kept = readable.drop(index=list(rows.refused))
    typed = frames.features(kept, table)
    typed.insert(0, id_column, kept[id_column].astype("str"))
    return typed.sort_values(id_column, ignore_index=True)


def numbered(
    report: PartitionReport, accepted: Sequence[PartitionReport], now: str
) -> PartitionReport:
    """The report of an accepted partition with its data version.

    The same landing with the same outcome stays the version that it is; other content is an
    amendment, `data/KEY.r2`.

    Args:
        report: The decision, without a version.
        accepted: The accepted partitions of this clone, and of this run so far.
        now: The instant of acceptance, RFC 3339.
    """
    before = next((r for r in accepted if r.key == report.key), None)
    if before and _is_same(before, report):
        version = before.model_dump(include={"revision", "tag", "sequence", "accepted_at"})
        return report.model_copy(update=version)
    revision = 1 + (before.revision or 0 if before else 0)
    tag = f"data/{report.key}" + (f".r{revision}" if revision > 1 else "")
    sequence = 1 + max((r.sequence or 0 for r in accepted), default=0)
    return report.model_copy(
        update={"revision": revision, "tag": tag, "sequence": sequence, "accepted_at": now}
    )


def _is_same(before: PartitionReport, report: PartitionReport) -> bool:
    same = ("landing_digest", "content_digest", "tables")
    return all(getattr(before, name) == getattr(report, name) for name in same)


def _event_ids(frame: pd.DataFrame, micros: "np.ndarray") -> "pd.Series[str]":
    """An id derived from the content, so that reading a row again gives the same event."""
    columns = (frame["user_id"], frame["item_id"], micros, frame["event"], frame["value"])
    texts = ("\0".join(map(str, row)) for row in zip(*columns, strict=True))
    digests = [hashlib.sha256(text.encode()).hexdigest()[:EVENT_ID_HEX] for text in texts]
    return pd.Series(digests, index=frame.index, dtype="str")
