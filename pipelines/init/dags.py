"""Airflow's DAG folder, written from the state's commit: a DAG never comes from a work tree."""

import io
import shutil
import tarfile

from pipelines import storage
from pipelines.descriptors import Descriptor
from pipelines.errors import StateDamaged
from pipelines.home import Home
from pipelines.state.repository import MAIN, Repository

DATASET = "dataset.json"
"""Beside the DAG files: what their schedule follows from."""


def write(home: Home, descriptor: Descriptor, commit: str = MAIN) -> None:
    """Replaces `airflow/dags` in the home with the `dags/` of a commit."""
    target = home.airflow / "dags"
    archive = Repository(home.state_repo).bytes_of("archive", "--format=tar", commit, "dags")
    if archive is None:
        raise StateDamaged("the state's commit has no dags/", where=[str(home.state_repo)])
    staging = storage.staging_folder(target)
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            tar.extractall(staging, filter="data")
        folder = staging / "dags"
        facts = {"name": descriptor.name, "clock": descriptor.clock, "grain": descriptor.grain}
        storage.write_json(folder / DATASET, facts)
        storage.replace_folder(folder, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
