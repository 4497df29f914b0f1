"""The landing: what was fetched and is not yet judged, one immutable folder per content."""

import hashlib
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import disk, storage
from pipelines.contracts.data import (
    TABLES,
    LandedKey,
    LandedTable,
    LandingManifest,
    Notice,
    TableName,
)
from pipelines.home import Home
from pipelines.ingest.tables import LINE, RawTable

if TYPE_CHECKING:
    import pandas as pd

MANIFEST = "manifest.json"
MOST_COMPRESSION = 20
"""Times that text in memory shrinks as Parquet; real partitions: 4 to 8."""


@dataclass(frozen=True)
class Delivery:
    """The rows of one KEY, and where they come from."""

    dataset: str
    key: str
    tables: Mapping[TableName, RawTable]
    source: str
    source_digest: str

    @property
    def notices(self) -> list[Notice]:
        """What the reader noticed, the table named."""
        return [
            Notice(slug=notice.slug, text=f"{name}: {notice.text}")
            for name in TABLES
            if name in self.tables
            for notice in self.tables[name].notices
        ]


def land(home: Home, delivery: Delivery, accepted_digest: str | None) -> LandedKey | None:
    """Lands a delivery as a revision of its KEY; equal content is landed once.

    Args:
        home: Where the landing lies.
        delivery: What to land.
        accepted_digest: Digest of the KEY's accepted landing, if there is one.

    Returns:
        The revision that holds this content, or None if it is accepted already.

    Raises:
        LockHeld: Another process lands the same KEY.
        DiskFull: It cannot fit; nothing was written.
    """
    folder = home.landing / f"dt={delivery.key}"
    disk.require_space(folder, _least_bytes(delivery), f"the landing of {delivery.key}")
    with storage.lock(home.locks / f"ingest-{delivery.key}.lock", f"ingest {delivery.key}"):
        known = _revisions(folder)
        staging = storage.staging_folder(folder / "new")
        try:
            manifest = _write_tables(staging, delivery, revision=max(known, default=0) + 1)
            if manifest.digest == accepted_digest:
                return None
            for revision, present in known.items():
                if present.digest == manifest.digest:
                    return _landed(folder / f"r{revision}", present)
            storage.write_record(staging / MANIFEST, manifest)
            target = folder / f"r{manifest.revision}"
            storage.replace_folder(staging, target)
            return _landed(target, manifest)
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def _least_bytes(delivery: Delivery) -> int:
    """What a landing takes at least; more than fits is refused before anything is written."""
    sizes = (raw.frame.memory_usage(deep=True).sum() for raw in delivery.tables.values())
    return int(sum(sizes)) // MOST_COMPRESSION


def _revisions(folder: Path) -> dict[int, LandingManifest]:
    manifests = (
        storage.read_record(path, LandingManifest) for path in folder.glob(f"r*/{MANIFEST}")
    )
    return {manifest.revision: manifest for manifest in manifests}


def _write_tables(folder: Path, delivery: Delivery, revision: int) -> LandingManifest:
    tables: dict[TableName, LandedTable] = {}
    contents: dict[TableName, str] = {}
    for name, raw in delivery.tables.items():
        path = folder / f"{name}.parquet"
        frame = raw.frame[sorted(raw.frame.columns)]
        storage.write_table(path, frame)
        digest = storage.sha256_file(path)
        tables[name] = LandedTable(rows=len(frame), sha256=digest)
        contents[name] = _content_digest(frame.drop(columns=LINE))
    lines = "".join(f"{name}\0{contents[name]}\n" for name in sorted(contents))
    return LandingManifest(
        dataset=delivery.dataset,
        key=delivery.key,
        revision=revision,
        digest=hashlib.sha256(lines.encode()).hexdigest(),
        source_digest=delivery.source_digest,
        source=delivery.source,
        tables=tables,
        notices=delivery.notices,
    )


def _content_digest(frame: "pd.DataFrame") -> str:
    """SHA-256 over the rows, wherever in their file they stood."""
    digest = hashlib.sha256("\0".join(frame.columns).encode())
    for row in frame.itertuples(index=False):
        digest.update(("\1" + "\0".join(map(str, row))).encode())
    return digest.hexdigest()


def _landed(path: Path, manifest: LandingManifest) -> LandedKey:
    return LandedKey(
        key=manifest.key,
        revision=manifest.revision,
        path=str(path),
        digest=manifest.digest,
        rows=manifest.tables["interactions"].rows,
    )
