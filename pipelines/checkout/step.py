"""`tandem checkout`: a ready clone of a version's commit, in which `dvc repro` is a no-op."""

import shutil
from pathlib import Path

from pipelines import storage
from pipelines.contracts.state import CheckedOut
from pipelines.errors import FolderTaken
from pipelines.home import Home
from pipelines.progress import log
from pipelines.state import clone, dvc, versions
from pipelines.state.repository import MAIN


def run(directory: Path, version: str | None) -> CheckedOut:
    """Makes the clone, with its data and outputs on disk; whole or not there.

    Args:
        directory: A folder that does not exist yet.
        version: Such as `recommender@v3.0.0`; None = the state's newest commit on `main`.

    Raises:
        FolderTaken: There is something at `directory`.
        UnknownVersion: The registry has no such version.
        CacheCorrupt: An object is missing or damaged, in the cache and in the remote.
    """
    home = Home.find().require()
    target = directory.absolute()
    if target.exists():
        raise FolderTaken("there is something already", where=[str(target)], hint="name a new one")
    if version is not None:
        versions.tagged(home, version)
    staging = storage.staging_folder(target)
    try:
        made = clone.make(home, staging / target.name, version or MAIN)
        clone.restore(home, made.path, clone.stored_of(made))
        dvc.configure(home, made.path, final=target)
        commit = made.git("rev-parse", "HEAD").strip()
        with storage.translated(target):
            made.path.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    log(f"to run verbs there: export TANDEM_HOME={home.path}")
    return CheckedOut(directory=str(target), version=version, commit=commit, home=str(home.path))
