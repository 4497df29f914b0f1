"""Data in the remote: that all which a tag names is there, in the right size and by its digest."""

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from ruamel.yaml import YAML

from pipelines.contracts.data import ACCEPTED, TABLES
from pipelines.contracts.doctor import Finding
from pipelines.doctor.findings import fail, ok
from pipelines.errors import places
from pipelines.home import Home
from pipelines.state import versions
from pipelines.state.objects import FOLDER_SUFFIX, LOCK, Objects, md5_of
from pipelines.state.repository import Repository

SAMPLED_TAGS = 3
"""Newest data versions, and newest models, that are looked at without `--deep`."""
SAMPLED_BYTES = 500_000_000
"""Read to compare digests without `--deep`: about two seconds."""
MEND = (
    "restore the remote from a backup; where HOME/cache still has them, `dvc push` in a "
    "`tandem checkout` of that version"
)


class Stored(NamedTuple):
    """An output that a tag names."""

    tag: str
    path: str
    md5: str
    size: int | None
    """Bytes of all its files, where the tag says so."""


class Reader:
    """Compares stored files with their digests, until it has read as much as it may.

    Args:
        limit: Bytes; None = any number.
    """

    def __init__(self, limit: int | None) -> None:
        self._left = limit
        self.n_read = 0

    def is_damaged(self, path: Path, md5: str) -> bool:
        """Whether a file has other content; False where it may not be read any more."""
        size = path.stat().st_size
        if self._left is not None:
            if size > self._left:
                return False
            self._left -= size
        self.n_read += 1
        return md5_of(path) != md5.removesuffix(FOLDER_SUFFIX)


def data(name: str, home: Home, deep: bool) -> Finding:
    """Whether the remote holds what tags name: the newest ones, or with `deep` all of them."""
    reader = Reader(None if deep else SAMPLED_BYTES)
    tags = _tags(home, deep)
    outputs = {one.md5: one for tag in tags for one in _outputs(home, tag)}
    broken = [
        f"{problem} ({one.path} at {one.tag})"
        for one in outputs.values()
        for problem in _problems(Objects(home), one, reader)
    ]
    if broken:
        return fail(name, f"{len(broken)} broken: {places(broken)}", MEND)
    scope = f"{len(tags)} tags" if deep else f"the newest {len(tags)} tags (--deep: all)"
    return ok(name, f"{scope}: {len(outputs)} outputs are there, {reader.n_read} files as named")


def _problems(store: Objects, one: Stored, reader: Reader) -> list[str]:
    """What is wrong with an output in the remote."""
    if not store.stored(one.md5).is_file():
        return [f"{one.md5} is missing"]
    if reader.is_damaged(store.stored(one.md5), one.md5):
        return [f"{one.md5} is damaged"]
    if not one.md5.endswith(FOLDER_SUFFIX):
        return []
    names = [entry["md5"] for entry in json.loads(store.stored(one.md5).read_bytes())]
    missing = [md5 for md5 in names if not store.stored(md5).is_file()]
    if missing:
        return [f"{md5} is missing" for md5 in missing]
    damaged = [md5 for md5 in set(names) if reader.is_damaged(store.stored(md5), md5)]
    if damaged:
        return [f"{md5} is damaged" for md5 in damaged]
    size = sum(store.stored(md5).stat().st_size for md5 in names)
    is_short = one.size is not None and size != one.size
    return [f"{one.md5} has {size} bytes, not {one.size}"] if is_short else []


def _tags(home: Home, deep: bool) -> list[str]:
    """Data versions and models, newest first."""
    state = Repository(home.state_repo)
    words = ("for-each-ref", "--sort=-creatordate", "--format=%(refname:strip=2)")
    accepted = state.git(*words, "refs/tags/data/").split()
    models = versions.names(state)[::-1]
    return [*accepted, *models] if deep else [*accepted[:SAMPLED_TAGS], *models[:SAMPLED_TAGS]]


def _outputs(home: Home, tag: str) -> Iterator[Stored]:
    """Accepted tables of a tag and, for a model, what its stages wrote and Git does not hold."""
    state, reference = Repository(home.state_repo), f"refs/tags/{tag}"
    for table in TABLES:
        pointer = state.show(reference, ACCEPTED / f"{table}.dvc")
        for out in _yaml(pointer).get("outs", ()):
            yield _stored(tag, out, ACCEPTED)
    lock = state.show(reference, LOCK) if not tag.startswith("data/") else None
    in_git = set(state.files(reference, "reports"))
    for stage in _yaml(lock).get("stages", {}).values():
        for out in stage.get("outs", ()):
            if out["path"] not in in_git:
                yield _stored(tag, out, Path())


def _stored(tag: str, out: Mapping[str, Any], folder: Path) -> Stored:
    return Stored(tag, (folder / out["path"]).as_posix(), out["md5"], out.get("size"))


def _yaml(content: bytes | None) -> dict[str, Any]:
    return dict(YAML(typ="safe", pure=True).load(content)) if content else {}
