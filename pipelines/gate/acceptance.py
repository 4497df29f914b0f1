"""Compares the rows that models learn from with the partitions that validation accepted."""

import hashlib
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines import storage
from pipelines.contracts.data import ACCEPTED, AcceptedManifest
from pipelines.gate.case import Accepted
from pipelines.models.examples import PreparedData

TABLE = ACCEPTED / "interactions"
PART, MANIFEST = "part-0.parquet", "manifest.json"


def accepted(data: PreparedData) -> Accepted:
    """What the clone's accepted partitions say about its prepared interactions.

    Raises:
        BadRecord: A partition has no manifest.
    """
    folders = sorted(TABLE.glob("dt=*"))
    if not folders:
        return Accepted((), None, len(data.interactions))
    manifests = [storage.read_record(folder / MANIFEST, AcceptedManifest) for folder in folders]
    known = Counter(digest for folder in folders for digest in digests(_canonical(folder / PART)))
    own = Counter(digests(data.interactions))
    foreign = sum((own - known).values())
    return Accepted([manifest.tag for manifest in manifests], foreign, len(data.interactions))


def digests(interactions: pd.DataFrame) -> Iterator[bytes]:
    """One SHA-256 per row: who chose what, when, how.

    Args:
        interactions: `timestamp` in microseconds; `value` NaN where there is none.
    """
    columns = [
        interactions["user_id"].astype(str),
        interactions["item_id"].astype(str),
        interactions["timestamp"].astype(np.int64),
        interactions["event"].astype(str),
        interactions["value"].astype(np.float32),
    ]
    for row in zip(*columns, strict=True):
        yield hashlib.sha256("\0".join(map(str, row)).encode()).digest()


def _canonical(path: Path) -> pd.DataFrame:
    frame: pd.DataFrame = storage.read_table(path)
    instants = pd.to_datetime(frame["timestamp"], utc=True).astype("datetime64[us, UTC]")
    return frame.assign(timestamp=instants.astype(np.int64))
