"""Content that DVC stores, by its MD5: in the cache, else in the remote, and checked before use.

DVC itself believes its cache: a flipped byte passes its `checkout` and `status`. So whoever uses
stored content asks here first.
"""

import hashlib
import json
import secrets
import shutil
from collections.abc import Iterable, Mapping
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

from ruamel.yaml import YAML

from pipelines import storage
from pipelines.errors import CacheCorrupt
from pipelines.home import Home
from pipelines.progress import log

LOCK = "dvc.lock"
FOLDER_SUFFIX = ".dir"


class Output(NamedTuple):
    """An output that a `dvc.lock` names."""

    md5: str
    stage: str
    """The one that makes it."""


class Objects:
    """The home's stored objects.

    Args:
        home: Whose cache and remote hold them.
        outputs: Those of a `dvc.lock`, to name the stage that can make an object again.
    """

    def __init__(self, home: Home, outputs: Mapping[str, Output] | None = None) -> None:
        self.home = home
        self._outputs = outputs or {}

    def path(self, md5: str) -> Path:
        """Where the cache keeps an object."""
        return _place(self.home.cache, md5)

    def stored(self, md5: str) -> Path:
        """Where the remote keeps an object."""
        return _place(self.home.remote, md5)

    def require(self, md5: str, owner: str) -> Path:
        """An object in the cache, whole; a damaged or missing one is taken from the remote.

        Args:
            md5: The object's name, with `.dir` for a folder's listing.
            owner: Which output it belongs to, for the message.

        Raises:
            CacheCorrupt: The remote has no whole copy either.
        """
        cached = self.path(md5)
        if _is_whole(cached, md5):
            return cached
        stored = self.stored(md5)
        if not _is_whole(stored, md5):
            raise CacheCorrupt(
                f"object {md5} of {owner} is missing or damaged, in the cache and in the remote",
                where=[str(cached), str(stored)],
                hint=self._way_back(owner),
            )
        if cached.exists():
            log(f"object {md5} of {owner} was damaged in the cache: taken from the remote")
        _copy(stored, cached)
        return cached

    def listing(self, md5: str, owner: str) -> dict[str, str]:
        """MD5 by path of the files of a stored folder."""
        entries = json.loads(self.require(md5, owner).read_bytes())
        return {entry["relpath"]: entry["md5"] for entry in entries}

    def require_all(self, md5: str, owner: str) -> dict[str, str]:
        """A folder's listing, with every file of it whole in the cache; a file has none."""
        if not md5.endswith(FOLDER_SUFFIX):
            self.require(md5, owner)
            return {}
        files = self.listing(md5, owner)
        for path, name in files.items():
            self.require(name, f"{owner}/{path}")
        return files

    def names(self, outputs: Mapping[str, str]) -> set[str]:
        """All objects of outputs, which are MD5 by path: files, listings and the files in them."""
        names = set(outputs.values())
        for owner, md5 in outputs.items():
            if md5.endswith(FOLDER_SUFFIX):
                names |= set(self.listing(md5, owner).values())
        return names

    def missing_in_remote(self, names: Iterable[str]) -> set[str]:
        """Objects that the remote does not have."""
        return {name for name in names if not self.stored(name).is_file()}

    def pushed_since(self, names: Iterable[str], moment: datetime) -> set[str]:
        """Objects that came into the remote at or after an instant."""
        start = moment.timestamp()
        return {name for name in names if self.stored(name).stat().st_mtime >= start}

    def size(self, names: Iterable[str]) -> int:
        """Bytes that objects take in the cache; those that it lacks count nothing."""
        paths = [self.path(name) for name in names]
        return sum(path.stat().st_size for path in paths if path.is_file())

    def unsettled(self, names: Iterable[str]) -> set[str]:
        """Objects whose copy in the remote is not whole; the others are durable now.

        DVC leaves it to the kernel when its copies reach the disk.

        Raises:
            DiskError: The disk did not take one.
        """
        paths = {name: self.stored(name) for name in names}
        whole = {name: path for name, path in paths.items() if _is_whole(path, name)}
        for path in whole.values():
            with storage.translated(path):
                storage.sync_file(path)
        for folder in {path.parent for path in whole.values()}:
            with storage.translated(folder):
                storage.sync_folder(folder)
        return paths.keys() - whole.keys()

    def set_aside(self, md5: str, owner: str) -> None:
        """Takes what is whole nowhere out of the cache, so that its stage makes it anew."""
        try:
            self.require_all(md5, owner)
        except CacheCorrupt as error:
            Path(error.where[0]).unlink(missing_ok=True)
            log(f"{error.message}: not used, its stage makes it again")

    def _way_back(self, owner: str) -> str:
        parts = (owner, *(str(parent) for parent in Path(owner).parents))
        made = next((self._outputs[part] for part in parts if part in self._outputs), None)
        if made is None:
            return "restore the remote from a backup, or ingest the partition again"
        return (
            "restore the remote from a backup, or rebuild it: `dvc repro --force "
            f"{made.stage}` in the clone of the run that made it, then `dvc push`"
        )


def _copy(stored: Path, cached: Path) -> None:
    """Puts an object into the cache; the runs that share it may do the same at once."""
    with storage.translated(cached):
        cached.parent.mkdir(parents=True, exist_ok=True)
        temporary = cached.with_name(f"{cached.name}.{secrets.token_hex(4)}{storage.TEMPORARY}")
        try:
            shutil.copyfile(stored, temporary)
            storage.sync_file(temporary)
            temporary.chmod(0o444)
            temporary.replace(cached)
        finally:
            temporary.unlink(missing_ok=True)


def outputs_of_lock(text: bytes) -> dict[str, Output]:
    """The outputs that a `dvc.lock` names, by path."""
    stages = (YAML(typ="safe").load(text) or {}).get("stages", {})
    return {
        out["path"]: Output(out["md5"], name)
        for name, stage in stages.items()
        for out in stage.get("outs", [])
    }


def output_of_add(text: bytes) -> str:
    """MD5 of the folder that a `.dvc` file names."""
    return str(YAML(typ="safe").load(text)["outs"][0]["md5"])


def _place(store: Path, md5: str) -> Path:
    return store / "files" / "md5" / md5[:2] / md5[2:]


def md5_of(path: Path) -> str:
    """MD5 of a file's content: DVC's name for it, no protection."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


def _is_whole(path: Path, md5: str) -> bool:
    return path.is_file() and md5_of(path) == md5.removesuffix(FOLDER_SUFFIX)
