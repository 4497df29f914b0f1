"""Airflow's DAG folder, written from the state's commit: a DAG never comes from a work tree."""

import io
import shutil
import tarfile
from pathlib import Path
from typing import Any

from pipelines import storage, timeline
from pipelines.errors import StateDamaged
from pipelines.home import Home
from pipelines.state import settings
from pipelines.state.repository import MAIN, Repository

SETTINGS = "settings.json"
"""Beside the DAG files, which import nothing of ours: what they must know of the home."""


def write(home: Home) -> None:
    """Replaces `airflow/dags` in the home with the `dags/` of the state's newest commit."""
    target = home.airflow / "dags"
    archive = Repository(home.state_repo).bytes_of("archive", "--format=tar", MAIN, "dags")
    if archive is None:
        raise StateDamaged("the state's commit has no dags/", where=[str(home.state_repo)])
    staging = storage.staging_folder(target)
    try:
        with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
            # Python 3.11.2, Debian 12's, knows no filter
            tar.extraction_filter = getattr(tarfile, "data_filter", lambda member, _path: member)
            tar.extractall(staging)  # noqa: S202  of the state's own commit
        folder = staging / "dags"
        storage.write_json(folder / SETTINGS, _facts(home, former=target / SETTINGS))
        storage.replace_folder(folder, target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _facts(home: Home, former: Path) -> dict[str, Any]:
    """Of the data set and the parameters; `since` stays what the first `init` made it."""
    descriptor = settings.descriptor(home)
    this_key = timeline.start_of(storage.now_utc(), descriptor.grain)
    known = storage.read_json(former) if former.exists() else {}
    return {
        "name": descriptor.name,
        "clock": descriptor.clock,
        "grain": descriptor.grain,
        "since": known.get("since", storage.rfc3339(this_key)),
        "approval": settings.yaml_at(home, MAIN, settings.PARAMS)["deploy"]["approval"],
    }
