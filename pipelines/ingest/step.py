"""Ingest: fetch source rows and land them as text, one revision per KEY and content."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipelines import storage
from pipelines.contracts.data import (
    LANDED_FILE,
    REPORTS,
    IngestRecord,
    IngestRequest,
    Landed,
    LandedKey,
    PartitionReport,
    SourceKeys,
    TableName,
)
from pipelines.descriptors import Descriptor, WheelSource
from pipelines.errors import NoNewPartition
from pipelines.home import Home
from pipelines.ingest import mapping, partitions
from pipelines.ingest.landing import Delivery, land
from pipelines.ingest.sources.files import FileTables, open_regular
from pipelines.ingest.sources.wheel import WheelTables
from pipelines.ingest.tables import RawTable, read_table
from pipelines.params import IngestParams, Params
from pipelines.progress import track

Source = WheelTables | FileTables


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
    source = _open_source(descriptor, home, params.ingest)
    if request.partition and request.file:
        rows, digest = _read_file(descriptor, request.file, params.ingest)
        tables = _read_tables(descriptor, source, params.ingest, without="interactions")
        tables["interactions"] = rows
        name = request.file.name
        deliveries = [Delivery(descriptor.name, request.partition, tables, name, digest)]
    else:
        deliveries = _chosen(descriptor, source, request, accepted, params.ingest)

    landed: list[LandedKey] = []
    unchanged: list[str] = []
    for delivery in track(deliveries, "landing", len(deliveries)):
        found = land(home, delivery, accepted.get(delivery.key))
        if found:
            landed.append(found)
        else:
            unchanged.append(delivery.key)
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
    source = _open_source(descriptor, Home.find().ensure(), params.ingest)
    table, wanted = mapping.tables_of(descriptor)["interactions"]
    with source.open(table) as stream:
        raw = read_table(stream, table.path, table, wanted, params.ingest)
    unit = descriptor.interactions.timestamp_unit
    rows = partitions.split(raw.frame, descriptor.grain, unit, table.path)
    return SourceKeys(dataset=descriptor.name, source=source.name, keys=sorted(rows))


def _accepted() -> dict[str, str]:
    """Digest of the accepted landing by KEY, as this clone has them."""
    reports = (
        storage.read_record(path, PartitionReport) for path in sorted(REPORTS.glob("*.json"))
    )
    return {report.key: report.landing_digest for report in reports}


def _open_source(descriptor: Descriptor, home: Home, limits: IngestParams) -> Source:
    if isinstance(descriptor.source, WheelSource):
        return WheelTables(descriptor.source, home, limits.fetch_attempts)
    return FileTables(descriptor.source)


def _chosen(
    descriptor: Descriptor,
    source: Source,
    request: IngestRequest,
    accepted: Mapping[str, str],
    limits: IngestParams,
) -> list[Delivery]:
    """The source's own rows, for the KEYs that are asked for."""
    tables = _read_tables(descriptor, source, limits)
    whole = tables["interactions"]
    unit = descriptor.interactions.timestamp_unit
    rows = partitions.split(whole.frame, descriptor.grain, unit, descriptor.interactions.path)
    return [
        Delivery(
            descriptor.name,
            key,
            tables | {"interactions": replace(whole, frame=rows[key])},
            source.name,
            source.digest,
        )
        for key in partitions.choose(list(rows), accepted, request)
    ]


def _read_file(descriptor: Descriptor, path: Path, limits: IngestParams) -> tuple[RawTable, str]:
    """The interactions in a file, and the file's digest."""
    table = descriptor.interactions
    with open_regular(path) as (stream, digest):
        wanted = mapping.wanted_interactions(table)
        return read_table(stream, path.name, table, wanted, limits), digest


def _read_tables(
    descriptor: Descriptor, source: Source, limits: IngestParams, without: str = ""
) -> dict[TableName, RawTable]:
    tables: dict[TableName, RawTable] = {}
    for name, (table, wanted) in mapping.tables_of(descriptor).items():
        if name != without:
            with source.open(table) as stream:
                tables[name] = read_table(stream, table.path, table, wanted, limits)
    return tables
