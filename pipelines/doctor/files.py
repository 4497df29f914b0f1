"""The home's own files: folders, key, records, DAG files, Bentos and the online store."""

import os
import re
import sqlite3
import stat
from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel

from pipelines import identity, storage
from pipelines import online as online_store
from pipelines.contracts.data import PartitionReport
from pipelines.contracts.doctor import Finding
from pipelines.contracts.release import Deployment, Ports
from pipelines.contracts.state import Run
from pipelines.doctor.findings import fail, ok
from pipelines.errors import TandemError, places
from pipelines.home import PRIVATE, Home
from pipelines.rollout import record as deployment_record
from pipelines.state import partitions
from pipelines.state.repository import MAIN, Repository

SECRET = 0o600
KEY = re.compile(r"[0-9a-f]{64}")
DAGS = "dags"
WRITTEN_BY_INIT = {".json"}
"""Endings of what `init` writes beside the DAG files of the commit."""


def folders(name: str, home: Home) -> Finding:
    """Whether we may write everywhere in the home, and nobody else may look at what is private."""
    present = [path for path in (home.path, *home.path.iterdir()) if path.is_dir()]
    foreign = [
        f"{path} (uid {path.stat().st_uid})"
        for path in present
        if path.stat().st_uid != os.geteuid()
    ]
    if foreign:
        return fail(
            name, f"other owners: {places(foreign)}", f"chown -R {os.geteuid()} {home.path}"
        )
    locked = [str(path) for path in present if not os.access(path, os.W_OK | os.X_OK)]
    if locked:
        return fail(name, f"not writable: {places(locked)}", f"chmod -R u+rwX {home.path}")
    private = (home.path, home.keys, home.landing, home.quarantine)
    opened = [str(path) for path in private if path.is_dir() and _mode(path) & ~PRIVATE]
    if opened:
        return fail(name, f"open to others: {places(opened)}", f"chmod 700 {' '.join(opened)}")
    return ok(name, f"{home.path}, ours and writable")


def key(name: str, home: Home) -> Finding:
    """Whether the identity key is there, whole and for our eyes only."""
    path = home.identity_key
    if not path.exists():
        return fail(
            name,
            f"{path} is gone: without it every known user becomes a stranger",
            "restore it from a backup; never let a new one be made beside accepted data",
        )
    opened = [str(file) for file in home.keys.iterdir() if _mode(file) & ~SECRET]
    if opened:
        return fail(name, f"open to others: {places(opened)}", f"chmod 600 {' '.join(opened)}")
    text = path.read_text(errors="replace").strip().lower()
    if not KEY.fullmatch(text):
        return fail(name, f"{path} holds no 64 hexadecimal digits", "restore it from a backup")
    if os.environ.get("TANDEM_IDENTITY_KEY", text).strip().lower() != text:
        return fail(name, "TANDEM_IDENTITY_KEY is not the key of this home", "unset it")
    return ok(name, f"fingerprint {identity.fingerprint(bytes.fromhex(text))}, mode 0600")


def records(name: str, home: Home) -> Finding:
    """Whether every record is what this Tandem understands."""
    broken, n_read = [], 0
    for path, model in _records(home):
        n_read += 1
        try:
            storage.read_record(path, model)
        except TandemError as error:
            broken.append(f"{path.relative_to(home.path)}: {error.message}")
    n_read += len(partitions.at(Repository(home.state_repo), MAIN))
    if broken:
        hint = "update this checkout if a newer Tandem wrote it; else move the file away"
        return fail(name, f"{len(broken)} of {n_read}: {places(broken)}", hint)
    return ok(name, f"{n_read} readable")


def dags(name: str, home: Home) -> Finding:
    """Whether Airflow reads the DAG files of the state's commit."""
    state, folder = Repository(home.state_repo), home.airflow / DAGS
    names = state.files(MAIN, DAGS)
    contents = dict(zip(names, state.contents(MAIN, names), strict=True))
    found = {f"{DAGS}/{path.relative_to(folder).as_posix()}": path for path in _code(folder)}
    other = [
        path
        for path in sorted({*contents, *found})
        if path not in found or found[path].read_bytes() != contents.get(path)
    ]
    if other:
        return fail(name, f"not as in the state's commit: {places(other)}", "run `tandem init`")
    return ok(name, f"{len(names)} files as in the state's commit")


def releases(name: str, home: Home) -> Finding:
    """Whether champion and rollback target can start: their Bentos are there."""
    record = deployment_record.read(home)
    placed = [one for one in (record.champion, record.previous) if one is not None]
    gone = [one.version for one in placed if not Path(one.bento_path).is_dir()]
    if gone:
        hint = "; ".join(f"tandem package --version {version}" for version in gone)
        return fail(name, f"no Bento any more: {', '.join(gone)}", hint)
    return ok(
        name,
        ", ".join(f"{one.version} in {one.slot}" for one in placed) or "nothing is deployed yet",
    )


def online(name: str, home: Home) -> Finding:
    """Whether the online store is a whole database of ours."""
    hint = "run `tandem deploy`: it builds the file anew from accepted data"
    if not home.online.exists():
        if deployment_record.read(home).champion is not None:
            return fail(name, "gone: no slot that is restarted gets ready", hint)
        return ok(name, "not built yet; `tandem deploy` builds it")
    try:
        return ok(name, online_store.data_version(home.online))
    except sqlite3.Error as error:
        return fail(name, f"{home.online.name} cannot be read: {error}", hint)


def _records(home: Home) -> Iterator[tuple[Path, type[BaseModel]]]:
    single: list[tuple[Path, type[BaseModel]]] = [
        (home.deployment, Deployment),
        (home.ports, Ports),
    ]
    yield from ((path, model) for path, model in single if path.exists())
    yield from ((path, Run) for path in sorted(home.runs.glob("*.json")))
    yield from ((path, PartitionReport) for path in sorted(home.validation.glob("*.json")))


def _code(folder: Path) -> list[Path]:
    """Files that Airflow could run."""
    return [
        path
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix not in WRITTEN_BY_INIT
    ]


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)
