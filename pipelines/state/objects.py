"""Content that DVC stores, by its MD5: in the cache, else in the remote, and checked before use.

DVC itself believes its cache: a flipped byte passes its `checkout` and `status`. So whoever uses
stored content asks here first.
"""

import hashlib
import json
import shutil
from collections.abc import Iterable
from pathlib import Path

from ruamel.yaml import YAML

from pipelines import storage
from pipelines.errors import CacheCorrupt
from pipelines.home import Home
from pipelines.progress import log

LOCK = "dvc.lock"
FOLDER_SUFFIX = ".dir"
_CHUNK = 1 << 20


class Objects:
    """The home's stored objects."""

    def __init__(self, home: Home) -> None:
        self.home = home

    def path(self, md5: str) -> Path:
        """Where the cache keeps an object."""
        return _place(self.home.cache, md5)

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
        stored = _place(self.home.remote, md5)
        if not _is_whole(stored, md5):
            raise CacheCorrupt(
                f"object {md5} of {owner} is missing or damaged, in the cache and in the remote",
                where=[str(cached), str(stored)],
                hint="restore the remote from a backup, or rebuild it: `dvc repro --force` in the "
                "clone of the run that made it, then `dvc push`",
            )
        log(f"object {md5} of {owner} was not whole in the cache: taken from the remote")
        self._replace(cached, stored)
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

    def missing_in_remote(self, md5s: Iterable[str]) -> list[str]:
        """Objects, and files of folders, that the remote does not have."""
        missing = []
        for md5 in md5s:
            names = {md5}
            if md5.endswith(FOLDER_SUFFIX):
                names |= set(self.listing(md5, "a pushed folder").values())
            missing += [name for name in names if not _place(self.home.remote, name).is_file()]
        return sorted(missing)

    def _replace(self, cached: Path, stored: Path) -> None:
        with storage.translated(cached):
            cached.parent.mkdir(parents=True, exist_ok=True)
            temporary = cached.with_name(cached.name + storage.TEMPORARY)
            shutil.copyfile(stored, temporary)
            temporary.chmod(0o444)
            temporary.replace(cached)


def outputs_of_lock(text: bytes) -> dict[str, str]:
    """MD5 by path of the outputs that a `dvc.lock` names."""
    stages = (YAML(typ="safe").load(text) or {}).get("stages", {})
    outs = [out for stage in stages.values() for out in stage.get("outs", [])]
    return {out["path"]: out["md5"] for out in outs}


def output_of_add(text: bytes) -> str:
    """MD5 of the folder that a `.dvc` file names."""
    return str(YAML(typ="safe").load(text)["outs"][0]["md5"])


def _place(store: Path, md5: str) -> Path:
    return store / "files" / "md5" / md5[:2] / md5[2:]


def _is_whole(path: Path, md5: str) -> bool:
    if not path.is_file():
        return False
    digest = hashlib.md5(usedforsecurity=False)  # DVC's name for content, no protection
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return digest.hexdigest() == md5.removesuffix(FOLDER_SUFFIX)
