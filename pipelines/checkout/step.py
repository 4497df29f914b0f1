"""`tandem checkout`: a ready clone of a version's commit, in which `dvc repro` is a no-op."""

from pathlib import Path

from pipelines.contracts.state import CheckedOut
from pipelines.errors import FolderTaken
from pipelines.home import Home
from pipelines.progress import log
from pipelines.state import clone, versions
from pipelines.state.repository import MAIN


def run(directory: Path, version: str | None) -> CheckedOut:
    """Makes the clone, with its data and outputs on disk.

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
    known = versions.lookup(home, version).version if version is not None else MAIN
    made = clone.make(home, target, known)
    clone.restore(home, target, clone.stored_of(made))
    log(f"to run verbs there: export TANDEM_HOME={home.path}")
    return CheckedOut(
        directory=str(target),
        version=version,
        commit=made.git("rev-parse", "HEAD").strip(),
        home=str(home.path),
    )
