"""`prepare`: accepted partitions in, the tables that models learn from out."""

from pathlib import Path

from pipelines import storage
from pipelines.contracts.data import ACCEPTED, AcceptedManifest
from pipelines.contracts.model import PREPARED, Prepared, RunFile
from pipelines.cost import measured
from pipelines.descriptors import Descriptor
from pipelines.errors import DataChanged
from pipelines.models import examples
from pipelines.params import Params
from pipelines.prepare.tables import Accepted, Partition, Tables, tables

PART = "part-0.parquet"
MANIFEST = "manifest.json"


@measured("prepare")
def run(params: Params) -> Prepared:
    """Reads `data/`, writes `data/prepared/`; the cuts follow the kind of run in run.yaml.

    Raises:
        TooLittleData: There is nothing to cut.
        DataChanged: An accepted file is gone, or not the one that validation wrote.
        BadRecord: A partition has no manifest.
    """
    accepted = Accepted(_partitions("interactions"), _partitions("items"), _partitions("users"))
    descriptor = Descriptor.load(params.dataset)

    made = tables(accepted, descriptor, params.split, RunFile.load().kind)

    _write(made)
    return made.prepared


def _partitions(table: str) -> list[Partition]:
    folders = sorted((ACCEPTED / table).glob("dt=*"))
    return [_partition(folder) for folder in folders]


def _partition(folder: Path) -> Partition:
    manifest = storage.read_record(folder / MANIFEST, AcceptedManifest)
    path = folder / PART
    if not path.is_file() or storage.sha256_file(path) != manifest.sha256:
        raise DataChanged(
            "an accepted file is gone, or not the one that was validated",
            where=[str(path)],
            hint="never edit data/: run `dvc checkout`, or ingest and validate the KEY again",
        )
    return Partition(manifest, storage.read_table(path))


def _write(made: Tables) -> None:
    staging = storage.staging_folder(PREPARED)
    storage.write_table(staging / examples.INTERACTIONS, made.interactions)
    storage.write_table(staging / examples.ITEMS, made.items)
    storage.write_record(staging / examples.PREPARED, made.prepared)
    storage.replace_folder(staging, PREPARED)
