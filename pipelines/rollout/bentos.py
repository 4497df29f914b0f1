"""A version's Bento: found, and proven to hold the artifact that was registered."""

from pathlib import Path

from pipelines import storage
from pipelines.contracts.release import Deployment, Placed, Release, SlotName
from pipelines.errors import NotPackaged
from pipelines.home import Home

RELEASE_FILE = Path("src/services/recommender/release.json")


def placed(home: Home, version: str, model_digest: str, slot: SlotName) -> Placed:
    """A registered version as it is to be run in a slot.

    Raises:
        NotPackaged: There is no Bento of it, or it holds another artifact.
    """
    tag = f"recommender:{version.partition('@')[2]}"
    folder = folder_of(home, tag)
    if not (folder / RELEASE_FILE).is_file():
        raise NotPackaged(
            f"there is no Bento of {version}",
            where=[str(folder)],
            hint=f"tandem package --version {version}",
        )
    release = storage.read_record(folder / RELEASE_FILE, Release)
    found = storage.tree_digest(artifact_of(home, release.model))
    if {release.model_digest, found} != {model_digest}:
        raise NotPackaged(
            f"the Bento of {version} holds the artifact {found[:12]}…, "
            f"registered is {model_digest[:12]}…",
            where=[str(folder)],
            hint="remove it, then package again",
        )
    return Placed(**release.model_dump(), slot=slot, bento_path=str(folder.absolute()))


def require(home: Home, release: Placed) -> None:
    """Proves that a release can be started again, as it was.

    Raises:
        NotPackaged: Its Bento is gone, or holds another artifact.
    """
    placed(home, release.version, release.model_digest, release.slot)


def require_way_back(home: Home, record: Deployment) -> None:
    """Proves that the champion, which a deployment leaves, can be returned to.

    Raises:
        NotPackaged: Its Bento is gone, or holds another artifact.
    """
    if record.champion is not None:
        require(home, record.champion)


def folder_of(home: Home, bento: str) -> Path:
    """Where BentoML keeps a Bento."""
    name, _, tag = bento.partition(":")
    return home.bentoml / "bentos" / name / tag


def artifact_of(home: Home, model: str) -> Path:
    """The artifact that a Bento's model holds, in BentoML's model store."""
    name, _, tag = model.partition(":")
    return home.bentoml / "models" / name / tag / "artifact"
