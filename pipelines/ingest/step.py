"""Ingest: fetch source rows and land them as text, one revision per KEY and content."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from pipelines import storage
from pipelines.contracts.data import (
    LANDED_FILE,
    REPORTS,
    IngestRecord,
    IngestRequest,
    Landed,
    LandedKey,
    Notice,
    PartitionReport,
    SourceKeys,
    TableName,
)
from pipelines.descriptors import Descriptor, Interactions, SqlSource, WheelSource
from pipelines.errors import EmptyPartition, NoNewPartition, NoRows
from pipelines.home import Home
from pipelines.ingest import mapping, partitions
from pipelines.ingest.landing import Delivery, land
from pipelines.ingest.sources.files import FileTables, open_regular
from pipelines.ingest.sources.sql import SqlTables
from pipelines.ingest.sources.wheel import WheelTables
from pipelines.ingest.tables import RawTable, read_table
from pipelines.params import IngestParams, Params
from pipelines.progress import track

if TYPE_CHECKING:
    import pandas as pd

Source = WheelTables | FileTables | SqlTables


def run(params: Params, request: IngestRequest) -> IngestRecord:
    """Lands what the request asks for, and lists it in `var/landed.json` of cwd.

    Args:
        params: Parameters; `ingest` holds the limits.
        request: A range of KEYs, one KEY and a file, or nothing: the next KEY.

    Returns:
        What was landed, and which KEYs of the range are accepted already.

    Raises:
        InputRefused, UsageError, EnvironmentFault: One of their subclasses says why.
        NoNewPartition: All of it is accepted already, or the source has no such KEY.
    """
    descriptor = Descriptor.load(params.dataset)
    partitions.check(request, descriptor.grain)
    home = Home.find().ensure()
    accepted = _accepted()
    with _open_source(descriptor, home, params.ingest) as source:
        if request.partition and request.file:
            deliveries = [_replaced(descriptor, source, request, params.ingest)]
        else:
            deliveries = _chosen(descriptor, source, request, accepted)

    landed: list[LandedKey] = []
    unchanged: list[str] = []
    for delivery in track(deliveries, "landing", len(deliveries)):
        found = land(home, delivery, accepted.get(delivery.key))
        if found:
            landed.append(found)
        else:
            unchanged.append(delivery.key)
    storage.sweep(LANDED_FILE)
    storage.write_record(LANDED_FILE, Landed(dataset=descriptor.name, keys=landed))
    if not landed:
        raise NoNewPartition(
            f"{len(unchanged)} KEYs are accepted already, with equal content", where=unchanged
        )
    return IngestRecord(
        dataset=descriptor.name,
        source=deliveries[0].source,
        source_digest=deliveries[0].source_digest,
        landed=landed,
        unchanged=unchanged,
        notices=deliveries[0].notices,
    )


def list_keys(params: Params) -> SourceKeys:
    """The KEYs that the source has rows for; nothing is landed.

    Raises:
        InputRefused, EnvironmentFault: As `run`.
    """
    descriptor = Descriptor.load(params.dataset)
    with _open_source(descriptor, Home.find().ensure(), params.ingest) as source:
        raw = _read_interactions(descriptor, source)
    rows, _ = _split(descriptor, raw)
    return SourceKeys(dataset=descriptor.name, source=source.name, keys=partitions.keys_in(rows))


def _accepted() -> dict[str, str]:
    """Digest of the accepted landing by KEY, as this clone has them."""
    reports = (
        storage.read_record(path, PartitionReport) for path in sorted(REPORTS.glob("*.json"))
    )
    return {report.key: report.landing_digest for report in reports}


@contextmanager
def _open_source(descriptor: Descriptor, home: Home, limits: IngestParams) -> Iterator[Source]:
    kind = descriptor.source
    source: Source
    if isinstance(kind, WheelSource):
        source = WheelTables(kind, home, limits)
    elif isinstance(kind, SqlSource):
        source = SqlTables(kind, limits)
    else:
        source = FileTables(kind, limits)
    try:
        yield source
    finally:
        source.close()


def _chosen(
    descriptor: Descriptor,
    source: Source,
    request: IngestRequest,
    accepted: Mapping[str, str],
) -> list[Delivery]:
    """The source's own rows, for the KEYs that are asked for."""
    whole = _read_interactions(descriptor, source)
    tables = _read_entities(descriptor, source)
    rows, left_out = _split(descriptor, whole)
    chosen = partitions.choose(rows, accepted, request)
    taken, unread = partitions.with_unread(rows, chosen)
    whole = replace(whole, notices=[*whole.notices, *left_out, *unread])
    return [
        Delivery(
            descriptor.name,
            key,
            tables | {"interactions": replace(whole, frame=frame)},
            source.name,
            source.digest,
        )
        for key, frame in taken.items()
    ]


def _split(descriptor: Descriptor, raw: RawTable) -> tuple[dict[str, "pd.DataFrame"], list[Notice]]:
    rows = partitions.split(raw.frame, descriptor.grain, descriptor.interactions)
    return partitions.whole(rows, descriptor)


def _replaced(
    descriptor: Descriptor, source: Source, request: IngestRequest, limits: IngestParams
) -> Delivery:
    """The interactions in a file, with the source's own items and users."""
    table, path = descriptor.interactions, request.file or Path()
    key = request.partition or ""
    with open_regular(path) as (stream, digest), _may_be_empty(table):
        wanted = mapping.wanted_interactions(table)
        rows = read_table(stream, path.name, table, wanted, limits)
    partitions.check_written(rows.frame, path.name)
    tables = _read_entities(descriptor, source)
    return Delivery(descriptor.name, key, tables | {"interactions": rows}, path.name, digest)


@contextmanager
def _may_be_empty(table: Interactions) -> Iterator[None]:
    """Interactions without a row are nothing to do, where the descriptor says that this may be."""
    try:
        yield
    except NoRows as error:
        if not table.may_be_empty:
            raise
        raise EmptyPartition(
            "nothing happened: there is no row", where=list(error.where)
        ) from error


def _read_interactions(descriptor: Descriptor, source: Source) -> RawTable:
    table, wanted = mapping.tables_of(descriptor)["interactions"]
    with _may_be_empty(descriptor.interactions):
        return source.read("interactions", table, wanted)


def _read_entities(descriptor: Descriptor, source: Source) -> dict[TableName, RawTable]:
    return {
        name: source.read(name, table, wanted)
        for name, (table, wanted) in mapping.tables_of(descriptor).items()
        if name != "interactions"
    }
