"""`tandem reproduce`: a registered version rebuilt from its commit, with an empty cache.

The gate is left out: some of its checks measure this machine's speed and memory, so that an equal
model may get another verdict. What it judges is rebuilt and compared.
"""

import json
import time
from pathlib import Path

from pipelines import packages, storage
from pipelines.contracts.model import METRICS, REFIT
from pipelines.contracts.reproduce import Reproduction
from pipelines.errors import (
    BadRecord,
    CacheCorrupt,
    EnvironmentFault,
    NotReproduced,
    StepKilled,
    TandemError,
    VerbFailed,
    places,
)
from pipelines.home import Home
from pipelines.progress import log, track
from pipelines.reproduce.comparison import compare_figures, compare_outputs, lock_of
from pipelines.reproduce.scratch import MARK, scratch
from pipelines.state import clone, dvc, versions
from pipelines.state.objects import LOCK, Objects
from pipelines.state.repository import Repository

LAST = "refit"
"""The stage to rebuild, with all before it."""
REQUIREMENTS = "requirements/requirements.lock"
ERROR_FILE = Path("var/error.json")


def run(version: str) -> Reproduction:
    """Rebuilds a version and compares it with its commit; the home is left as it is.

    Args:
        version: Such as `recommender@v3.0.0`.

    Raises:
        UnknownVersion: The registry has no such version.
        CacheCorrupt: The remote lacks data that the commit names, or they are damaged.
        NotReproduced: A stage cannot be rebuilt at all.
        VerbFailed, StepKilled: The environment kept a stage from being rebuilt.
    """
    home, start = Home.find().require(), time.monotonic()
    found = versions.tagged(home, version)
    with scratch(home) as own:
        log(f"{version}: rebuilding commit {found.commit[:12]} in {own.path}")
        made = clone.make(own, own.path / "clone", version)
        committed = _committed(made, found.commit)
        fetch(home, own, made.path)
        rebuild(own, made.path)
        stages = compare_outputs(
            lock_of(committed),
            lock_of((made.path / LOCK).read_bytes()),
            clone.data_of(made.path),
        )
        digest = storage.tree_digest(made.path / REFIT)
        figures = compare_figures(
            _figures(made, found.commit), storage.read_json(made.path / METRICS)
        )
        return Reproduction(
            version=version,
            commit=found.commit,
            equal=all(row.equal for row in stages)
            and digest == found.model_digest
            and figures.different == 0,
            stages=stages,
            model_digest=found.model_digest,
            rebuilt_digest=digest,
            figures=figures,
            notes=_notes(made, found.commit),
            seconds=round(time.monotonic() - start, 3),
        )


def enforce(record: Reproduction) -> None:
    """Raises where a rebuilt version is another one.

    Raises:
        NotReproduced: It is; the first stage that differs is named.
    """
    if record.equal:
        return
    different = [row for row in record.stages if not row.equal]
    if not different:
        raise NotReproduced(
            f"{record.version} is registered with the digest {record.model_digest[:12]}…, "
            f"its commit makes {record.rebuilt_digest[:12]}…",
            where=[REFIT.as_posix()],
            hint="the registry's tag was moved, or made for another artifact",
        )
    first, n_stages = different[0], len({row.stage for row in different})
    raise NotReproduced(
        f"{record.version} comes out otherwise, first in {first.stage}: {first.path} has the MD5 "
        f"{first.found}, its commit says {first.expected}",
        where=[row.path for row in different],
        hint=record.notes[0]
        if record.notes
        else f"{n_stages} stages differ: the data, the parameters or the code of the commit are "
        "not those that the version was made from, or this machine computes otherwise",
    )


def fetch(home: Home, own: Home, path: Path) -> None:
    """Puts the data that the clone's commit names on its disk, each object checked.

    Raises:
        CacheCorrupt: The remote lacks some, or they are damaged.
    """
    store = Objects(own)
    try:
        data = clone.data_of(path)
        names = [
            (f"{table}/{file}", md5)
            for table, folder in data.items()
            for file, md5 in store.listing(folder, table).items()
        ]
        for name, md5 in track(names, "data from the remote", len(names)):
            store.require(md5, name)
        clone.restore(own, path, data)
    except CacheCorrupt as error:
        remote = str(own.remote)
        stored = [place for place in error.where if place.startswith(remote)]
        error.where = tuple(place.replace(remote, str(home.remote), 1) for place in stored)
        raise


def rebuild(own: Home, path: Path) -> None:
    """Runs every stage up to the refit anew; only their names are known from before.

    Raises:
        NotReproduced, VerbFailed, StepKilled, DvcFailed: A stage failed.
    """
    (path / LOCK).unlink()
    extra = {
        MARK: str(own.path),
        "TANDEM_HOME": str(own.path),
        "TANDEM_ERROR_FILE": str(path / ERROR_FILE),
    }
    words = ("repro", "--force", LAST)
    code, said = dvc.stream(path, words, extra)
    if code != 0:
        raise _stage_failure(path, said) or dvc.failure(words, said, path, code)


def _stage_failure(path: Path, said: str) -> TandemError | None:
    """Why a stage failed, if one did: by itself, or kept from it by the environment."""
    if (path / ERROR_FILE).exists():
        told = storage.read_json(path / ERROR_FILE)
        if told["exit_code"] == EnvironmentFault.exit_code:
            message = f"a stage could not be rebuilt: {told['message']}"
            return VerbFailed(message, told["exit_code"], hint=told["hint"])
        return NotReproduced(
            f"a stage cannot be rebuilt: {told['message']}",
            where=told["where"],
            hint="the data, the code or the environment are not those that made the version",
        )
    inner = dvc.exit_code_in(said)
    if inner is None:
        return None
    if inner < 0 or inner > 128:
        hint = "in general for lack of memory; run the same again"
        return StepKilled(f"a stage was ended by a signal ({inner})", hint=hint)
    return NotReproduced(
        f"a stage cannot be rebuilt: its command ended with {inner}", where=[said.splitlines()[-1]]
    )


def _committed(made: Repository, commit: str) -> bytes:
    lock = made.show(commit, LOCK)
    if lock is None:
        raise BadRecord("a commit of the state lacks a file", where=[f"{LOCK} at {commit[:12]}"])
    return lock


def _figures(made: Repository, commit: str) -> object:
    """The committed figures, beside which the rebuilt ones lie."""
    return json.loads(made.show(commit, METRICS) or b"{}")


def _notes(made: Repository, commit: str) -> list[str]:
    """What may explain a difference: packages that are not those of the commit's lock."""
    lock = made.show(commit, REQUIREMENTS)
    other = packages.differences(lock.decode()) if lock else []
    if not other:
        return []
    return [
        f"{len(other)} packages here are not those of the commit's {REQUIREMENTS}: {places(other)}"
    ]
