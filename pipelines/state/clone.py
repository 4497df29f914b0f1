"""A run's clone of the state: made, looked at, and given the data that a stage reads."""

import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from pipelines import disk, storage
from pipelines.contracts.data import ACCEPTED, TABLES
from pipelines.errors import BadRecord, CloneDamaged, DvcFailed, GitFailed, StateDamaged
from pipelines.home import Home
from pipelines.state import dvc, repository
from pipelines.state.objects import (
    FOLDER_SUFFIX,
    LOCK,
    Objects,
    Output,
    output_of_add,
    outputs_of_lock,
)
from pipelines.state.repository import MAIN, Repository

RESTORE = (
    "move {state} away, then restore it from a backup; without one: `git init --bare {state}` and "
    "`git push --mirror {state}` from the newest clone in {runs} that `git fsck` finds whole"
)
"""The way back from a broken state repository."""


def make(home: Home, target: Path, revision: str = MAIN) -> Repository:
    """A clone at `target` that uses the home's DVC cache and remote; whole or not there.

    Raises:
        StateDamaged: The state repository cannot be cloned.
    """
    staging = storage.staging_folder(target)
    try:
        with state_diagnosed(home):
            made = repository.clone(home.state_repo, staging, revision)
            if not _is_sound(made):
                raise GitFailed("objects are missing or damaged", where=[str(home.state_repo)])
        dvc.configure(home, staging, final=target)
        with storage.translated(target):
            staging.rename(target)
    finally:
        shutil.rmtree(staging, ignore_errors=True)
    return Repository(target)


def is_whole(path: Path) -> bool:
    """Whether a clone can be worked in: all that Git keeps there can be read and is itself.

    Raises:
        LockHeld: A Git process works there.
    """
    clone = Repository(path)
    if not (path / ".git").is_dir() or not (path / ".dvc" / "config.local").is_file():
        return False
    clone.take_over()
    return (
        clone.resolve("HEAD") is not None
        and clone.ask("status", "--porcelain") is not None
        and _is_sound(clone)
    )


@contextmanager
def diagnosed(home: Home, path: Path) -> Iterator[None]:
    """Says that the clone is broken when Git fails in the block for that reason.

    Raises:
        CloneDamaged: It can be made again.
        StateDamaged: The state repository is broken, too, or instead.
    """
    with state_diagnosed(home):
        try:
            if not (path / ".git").is_dir():
                raise GitFailed("there is no clone", where=[str(path)])
            yield
        except GitFailed as error:
            if is_whole(path):
                raise
            raise CloneDamaged(
                f"the clone of run {path.name} cannot be worked in: {error.message}",
                where=error.where,
                hint=f"`tandem run open {path.name}` makes it again; then do its steps again",
            ) from error


@contextmanager
def state_diagnosed(home: Home) -> Iterator[None]:
    """Says that the state repository is broken when a read of it fails in the block.

    Raises:
        StateDamaged: It has to be restored.
    """
    try:
        yield
    except (GitFailed, BadRecord) as error:
        if _is_sound(Repository(home.state_repo)):
            raise
        raise _state_damaged(home, error.message) from error


def _is_sound(repository: Repository) -> bool:
    """Whether every ref, and every object that a ref needs, is there with its own content."""
    has_main = repository.resolve(MAIN) is not None or repository.resolve("HEAD") is not None
    return has_main and repository.ask("fsck", "--no-dangling", "--no-progress") is not None


def _state_damaged(home: Home, reason: str) -> StateDamaged:
    return StateDamaged(
        f"the state repository cannot be read: {reason}",
        where=[str(home.state_repo)],
        hint=RESTORE.format(state=home.state_repo, runs=home.runs),
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
    """MD5 by path of all that the clone's files name and Git does not hold: data and outputs.

    An output whose stage `dvc.yaml` no longer has does not count, though `dvc.lock` keeps it.
    """
    outputs, in_git = outputs_of(clone.path), clone.tracked()
    return data_of(clone.path) | {name: md5 for name, md5 in outputs.items() if name not in in_git}


def outputs_of(path: Path) -> dict[str, str]:
    """MD5 by path of what the clone's stages have made, as `dvc.lock` says."""
    outputs = _locked(path)
    stages = dvc.stages(path) if outputs else ()
    return {name: out.md5 for name, out in outputs.items() if out.stage in stages}


def check_reused(home: Home, path: Path) -> None:
    """Checks stored outputs before DVC puts them on the clone's disk: it believes its cache.

    One that is whole nowhere is taken out of the cache, so that its stage makes it again.
    """
    outputs = _locked(path)
    store, in_git = Objects(home, outputs), Repository(path).tracked()
    for name, output in outputs.items():
        if name not in in_git and not (path / name).exists():
            store.set_aside(output.md5, name)


def restore(home: Home, path: Path, outputs: Mapping[str, str]) -> None:
    """Puts outputs on the clone's disk, each object checked before.

    Args:
        home: Whose cache and remote hold them.
        path: The clone.
        outputs: MD5 by path. Not by `.dvc` file: of both kinds in one command DVC leaves out some,
            without a word.

    Raises:
        CacheCorrupt: An object is missing or damaged, in the cache and in the remote.
        DiskFull: The disk cannot hold them.
        DvcFailed: DVC did not put all of them there.
    """
    store = Objects(home, _locked(path))
    needed: set[str] = set()
    for name, md5 in outputs.items():
        needed |= {md5} | set(store.require_all(md5, name).values())
    if outputs:
        disk.require_space(path, store.size(needed), f"a copy of {len(outputs)} outputs")
        dvc.run(path, "checkout", *outputs)
    left = [name for name, md5 in outputs.items() if _lacks(home, path, name, md5)]
    if left:
        raise DvcFailed("`dvc checkout` left files out", where=[str(path), *left])


def _locked(path: Path) -> dict[str, Output]:
    """The outputs that the clone's `dvc.lock` names, if it has one yet."""
    lock = path / LOCK
    return outputs_of_lock(lock.read_bytes()) if lock.exists() else {}


def _lacks(home: Home, path: Path, name: str, md5: str) -> bool:
    """Whether an output is not complete on the clone's disk."""
    if not md5.endswith(FOLDER_SUFFIX):
        return not (path / name).is_file()
    files = Objects(home).listing(md5, name)
    return any(not (path / name / file).is_file() for file in files)
