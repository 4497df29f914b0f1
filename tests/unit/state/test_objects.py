"""Stored objects: whole, healed from the remote, or named."""

import hashlib
import json
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from pipelines.errors import CacheCorrupt, DiskError
from pipelines.home import Home
from pipelines.state.objects import Objects, Output, outputs_of_lock


def store(root: Path, content: bytes, suffix: str = "") -> str:
    """Puts an object into a store and returns its name."""
    md5 = hashlib.md5(content, usedforsecurity=False).hexdigest()
    path = root / "files/md5" / md5[:2] / f"{md5[2:]}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return md5 + suffix


def test_a_folder_is_listed_and_each_file_healed_from_the_remote(tmp_path: Path) -> None:
    home = Home(tmp_path)
    whole = store(home.cache, b"whole")
    lost = store(home.remote, b"lost")
    listing = json.dumps([{"md5": whole, "relpath": "a"}, {"md5": lost, "relpath": "b/c"}])
    folder = store(home.remote, listing.encode(), ".dir")

    files = Objects(home).require_all(folder, "data/items")

    assert files == {"a": whole, "b/c": lost}
    assert Objects(home).path(lost).read_bytes() == b"lost"


def test_a_flipped_byte_is_found_and_named_with_its_owner(tmp_path: Path) -> None:
    home = Home(tmp_path)
    md5 = store(home.cache, b"content")
    Objects(home).path(md5).write_bytes(b"contenu")

    with pytest.raises(CacheCorrupt, match=f"{md5} of data/items"):
        Objects(home).require(md5, "data/items")


def test_what_the_remote_lacks_is_listed_with_the_files_of_folders(tmp_path: Path) -> None:
    home = Home(tmp_path)
    file = store(home.cache, b"file")
    folder = store(home.cache, json.dumps([{"md5": file, "relpath": "a"}]).encode(), ".dir")
    store(home.remote, Objects(home).path(folder).read_bytes(), ".dir")

    assert Objects(home).missing_in_remote([folder, file]) == {file}


def test_outputs_are_read_from_a_lock_file() -> None:
    lock = b"schema: '2.0'\nstages:\n  fit:\n    cmd: x\n    outs:\n    - {path: a, md5: 1f.dir}\n"

    assert outputs_of_lock(lock) == {"a": Output("1f.dir", "fit")}
    assert outputs_of_lock(b"") == {}


def test_runs_that_restore_one_object_at_once_do_not_meet(tmp_path: Path) -> None:
    home = Home(tmp_path)
    md5 = store(home.remote, b"x" * (8 << 20))

    with ThreadPoolExecutor(8) as threads:
        restored = list(threads.map(lambda _: Objects(home).require(md5, "data/items"), range(8)))

    assert {path.stat().st_size for path in restored} == {8 << 20}
    assert list(home.cache.rglob("*.tmp")) == []


def test_a_restore_that_fails_leaves_nothing_in_the_cache(tmp_path: Path) -> None:
    home = Home(tmp_path)
    md5 = store(home.remote, b"content")
    Objects(home).path(md5).mkdir(parents=True)

    with pytest.raises(DiskError):
        Objects(home).require(md5, "data/items")

    assert list(home.cache.rglob("*.tmp")) == []
