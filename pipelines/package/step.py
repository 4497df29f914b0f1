"""Builds the Bento of a registered version, from that version's own commit."""

import tempfile
from collections.abc import Iterable
from pathlib import Path

from pipelines import storage
from pipelines.contracts.model import GATE, REFIT
from pipelines.contracts.release import Packaged, Release
from pipelines.contracts.state import Version
from pipelines.errors import BentoNotBuilt, NothingToPackage, NotShippable
from pipelines.home import Home
from pipelines.package.bento import LOCK, build_bento
from pipelines.state import fetch, versions
from pipelines.state.repository import Repository

SHIP = "ship"
CODE = Path("services")


def run(version: str | None) -> Packaged:
    """Packages a version; one that is packaged already is checked and returned.

    Args:
        version: Such as `recommender@v3.0.0`; None = the newest whose verdict is ship.

    Raises:
        NothingToPackage: No version may ship.
        UnknownVersion: The registry does not have the named version.
        NotShippable: Its verdict is not ship.
        DigestMismatch: The Bento that is there is of another artifact.
    """
    home = Home.find().require()
    with storage.lock(home.locks / "package.lock", "package"):
        chosen = _chosen(home, version)
        with tempfile.TemporaryDirectory(prefix="tandem-") as folder:
            artifact, source = Path(folder) / "artifact", Path(folder) / "source"
            fetch.fetch_artifact(home, chosen.commit, REFIT, chosen.model_digest, artifact)
            export_code(Repository(home.state_repo), chosen.commit, source)
            tasks = storage.read_json(artifact / "manifest.json")["tasks"]
            return build_bento(artifact, source, release_of(chosen, tasks), home.bentoml)


def newest_shippable(found: Iterable[Version]) -> Version:
    """The first version whose verdict is ship.

    Args:
        found: Newest first; no more of them are looked up than needed.

    Raises:
        NothingToPackage: There is none.
    """
    for version in found:
        if version.verdict == SHIP:
            return version
    raise NothingToPackage("no registered version has the verdict ship")


def require_ship(version: Version) -> Version:
    """The version, if it may ship.

    Raises:
        NotShippable: Its verdict is another one.
    """
    if version.verdict != SHIP:
        raise NotShippable(
            f"the gate's verdict on {version.version} is {version.verdict}",
            where=[f"{GATE} at {version.commit[:12]}"],
            hint="only a version with the verdict ship is packaged",
        )
    return version


def release_of(version: Version, tasks: list[dict[str, object]]) -> Release:
    """What the Bento of a version says of itself."""
    tag = version.version.replace("@", ":")
    return Release(
        version=version.version,
        bento=tag,
        model=tag,
        model_digest=version.model_digest,
        family=version.family,
        data_version=version.data_version,
        commit=version.commit,
        judged_fit_until=version.judged_fit_until,
        trained_until=version.trained_until,
        tasks=tasks,  # type: ignore[arg-type]  # JSON, straight from a file
    )


def export_code(state: Repository, commit: str, target: Path) -> None:
    """Writes the serving code and the serving lock as they are at a commit.

    Raises:
        BentoNotBuilt: The commit has no serving lock.
    """
    for name in (*state.files(commit, CODE), LOCK.as_posix()):
        content = state.show(commit, name)
        if content is None:
            raise BentoNotBuilt("a commit of the state lacks a file", where=[f"{name} at {commit}"])
        storage.write_atomic(target / name, content)


def _chosen(home: Home, version: str | None) -> Version:
    if version is not None:
        return require_ship(versions.lookup(home, version))
    return newest_shippable(versions.lookup(home, name) for name in versions.registered(home))
