"""A run's clone of the state: made, looked at, and given the data that a stage reads."""

import shutil
from collections.abc import Mapping
from pathlib import Path

from pipelines import storage
from pipelines.contracts.data import ACCEPTED, TABLES
from pipelines.errors import DvcFailed, GitFailed, StateDamaged
from pipelines.home import Home
from pipelines.state import dvc, repository
from pipelines.state.objects import FOLDER_SUFFIX, LOCK, Objects, output_of_add, outputs_of_lock
from pipelines.state.repository import MAIN, Repository


def make(home: Home, target: Path, revision: str = MAIN) -> Repository:
    """A clone at `target` that uses the home's DVC cache and remote; whole or not there.

    Raises:
        StateDamaged: The state repository cannot be cloned.
    """
    staging = storage.staging_folder(target)
    try:
        repository.clone(home.state_repo, staging, revision)
        dvc.configure(home, staging, final=target)
        with storage.translated(target):
            staging.rename(target)
    except GitFailed as error:
        raise StateDamaged(
            f"the state repository cannot be cloned: {error.message}",
            where=[str(home.state_repo), *error.where[1:]],
            hint="`git fsck` there names what is broken; restore it from a backup, or push `main` "
            f"into a new bare repository from the newest clone in {home.runs}",
        ) from error
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Repository(target)


def is_whole(path: Path) -> bool:
    """Whether a clone can be worked in: its commit and all that it needs can be read."""
    clone = Repository(path)
    if not (path / ".git").is_dir() or not (path / ".dvc" / "config.local").is_file():
        return False
    clone.clear_locks()
    return (
        clone.resolve("HEAD") is not None
        and clone.ask("status", "--porcelain") is not None
        and clone.ask("fsck", "--connectivity-only", "--no-dangling") is not None
    )


def complete_data(home: Home, path: Path) -> None:
    """Puts the accepted data that the clone's commit names on its disk.

    Raises:
        CacheCorrupt: An object is missing or damaged, in the cache and in the remote.
    """
    data = data_of(path)
    restore(home, path, {name: data[name] for name in data if _lacks(home, path, name, data[name])})


def data_of(path: Path) -> dict[str, str]:
    """MD5 by folder of the accepted tables that the clone's `.dvc` files name."""
    pointers = {table: path / ACCEPTED / f"{table}.dvc" for table in TABLES}
    return {
        str(ACCEPTED / table): output_of_add(pointer.read_bytes())
        for table, pointer in pointers.items()
        if pointer.exists()
    }


def stored_of(clone: Repository) -> dict[str, str]:
    """MD5 by path of all that the clone's files name and Git does not hold: data and outputs."""
    lock, in_git = clone.path / LOCK, clone.tracked()
    outputs = outputs_of_lock(lock.read_bytes()) if lock.exists() else {}
    return data_of(clone.path) | {name: md5 for name, md5 in outputs.items() if name not in in_git}


def restore(home: Home, path: Path, outputs: Mapping[str, str]) -> None:
    """Puts outputs on the clone's disk, each object checked before.

    Args:
        home: Whose cache and remote hold them.
        path: The clone.
        outputs: MD5 by path. Not by `.dvc` file: of both kinds in one command DVC leaves out some,
            without a word.

    Raises:
        CacheCorrupt: An object is missing or damaged, in the cache and in the remote.
        DvcFailed: DVC did not put all of them there.
    """
    for name, md5 in outputs.items():
        Objects(home).require_all(md5, name)
    if outputs:
        dvc.run(path, "checkout", "--quiet", *outputs)
    left = [name for name, md5 in outputs.items() if _lacks(home, path, name, md5)]
    if left:
        raise DvcFailed("`dvc checkout` left files out", where=[str(path), *left])


def _lacks(home: Home, path: Path, name: str, md5: str) -> bool:
    """Whether an output is not complete on the clone's disk."""
    if not md5.endswith(FOLDER_SUFFIX):
        return not (path / name).is_file()
    files = Objects(home).listing(md5, name)
    return any(not (path / name / file).is_file() for file in files)
