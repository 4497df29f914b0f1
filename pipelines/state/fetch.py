"""Content of a commit of the state: files in Git, and outputs that DVC stores for it."""

import shutil
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel

from pipelines import storage
from pipelines.errors import BadRecord, CacheCorrupt, DigestMismatch
from pipelines.home import Home
from pipelines.state.objects import FOLDER_SUFFIX, LOCK, Objects, Output, outputs_of_lock
from pipelines.state.repository import Repository

Model = TypeVar("Model", bound=BaseModel)


def read_file(home: Home, commit: str, path: str | Path) -> bytes | None:
    """A file of a commit, from Git or from an output; None if the commit has no such file.

    Raises:
        CacheCorrupt: It belongs to an output, and no whole copy is stored.
    """
    name = Path(path).as_posix()
    content = Repository(home.state_repo).show(commit, name)
    if content is not None:
        return content
    outputs = _outputs(home, commit)
    store = Objects(home, outputs)
    for output, (md5, _) in outputs.items():
        if name == output and not md5.endswith(FOLDER_SUFFIX):
            return store.require(md5, name).read_bytes()
        if name.startswith(f"{output}/") and md5.endswith(FOLDER_SUFFIX):
            found = store.listing(md5, output).get(name.removeprefix(f"{output}/"))
            return store.require(found, name).read_bytes() if found else None
    return None


def require_file(home: Home, commit: str, path: str | Path) -> bytes:
    """As `read_file`, where a commit without the file is broken.

    Raises:
        BadRecord: The commit has no such file.
        CacheCorrupt: See `read_file`.
    """
    content = read_file(home, commit, path)
    if content is None:
        raise BadRecord("a commit of the state lacks a file", where=[f"{path} at {commit[:12]}"])
    return content


def read_record(home: Home, commit: str, path: str | Path, model: type[Model]) -> Model:
    """A record of a commit.

    Raises:
        BadRecord: The commit has no such file, or it holds something else.
        StateNewer: A newer Tandem wrote it.
    """
    content = require_file(home, commit, path)
    return storage.parse_record(content, model, f"{path} at {commit[:12]}")


def fetch_artifact(
    home: Home, commit: str, path: str | Path, digest: str | None, dest: Path
) -> str:
    """Puts an artifact folder of a commit at `dest`, which is replaced; every byte is checked.

    Args:
        home: The home whose cache and remote hold it.
        commit: A commit of the state; its `dvc.lock` names the content.
        path: The output, such as `artifacts/refit`.
        digest: The model digest that it must have; None if the commit is all that is known.
        dest: The folder to fill.

    Returns:
        Its model digest.

    Raises:
        CacheCorrupt: An object of it is missing or damaged, in the cache and in the remote.
        DigestMismatch: It is whole but not of that digest; `dest` is left as it was.
    """
    output = Path(path).as_posix()
    store, files = _whole(home, commit, output)
    staging = storage.staging_folder(dest)
    try:
        with storage.translated(dest):
            for name, file_md5 in files.items():
                (staging / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(store.path(file_md5), staging / name)
        found = storage.tree_digest(staging)
        if digest is not None and found != digest:
            raise DigestMismatch(
                f"{output} of commit {commit[:12]} has the digest {found[:12]}…, "
                f"expected {digest[:12]}…",
                where=[output],
            )
        storage.replace_folder(staging, dest)
        return found
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def files_of(home: Home, commit: str, path: str | Path) -> dict[str, str]:
    """SHA-256 by path of the files of an artifact of a commit, each stored object checked.

    Raises:
        CacheCorrupt: The commit has no such output, or an object of it is damaged everywhere.
    """
    store, files = _whole(home, commit, Path(path).as_posix())
    return {name: storage.sha256_file(store.path(md5)) for name, md5 in files.items()}


def _whole(home: Home, commit: str, output: str) -> tuple[Objects, dict[str, str]]:
    """The store with every file of an output in its cache, and their MD5 by path."""
    outputs = _outputs(home, commit)
    if output not in outputs:
        raise CacheCorrupt(f"commit {commit[:12]} has no output {output}", where=[LOCK])
    store = Objects(home, outputs)
    return store, store.require_all(outputs[output].md5, output)


def _outputs(home: Home, commit: str) -> dict[str, Output]:
    lock = Repository(home.state_repo).show(commit, LOCK)
    return outputs_of_lock(lock) if lock else {}
