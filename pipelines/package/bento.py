"""Builds the Bento of a release: one model by digest, the code that serves it, the serving lock.

BentoML fills its stores in place, so both are filled in a staging home and renamed into the real
one, the Bento last: where a Bento is, all of it is, and its model too.
"""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from ruamel.yaml import YAML

from pipelines import storage
from pipelines.contracts.release import Packaged, Release
from pipelines.errors import BentoNotBuilt, DigestMismatch
from pipelines.package.model_store import FOLDER

NAME = "recommender"
LOCK = Path("requirements/serving.lock")
RELEASE_FILE = Path("services/recommender/release.json")
BENTOFILE = {
    "service": "services.recommender.service:Recommender",
    "include": ["services/**/*.py", RELEASE_FILE.as_posix()],
    "python": {"requirements_txt": LOCK.as_posix(), "lock_packages": False},
}
STAGING = "build-"  # prefix of the staging homes
SHOWN = 400  # characters of a failed build's output
_ROOT = Path(__file__).parents[2]


def build_bento(artifact: Path, source: Path, release: Release, bentoml_home: Path) -> Packaged:
    """The Bento of a release; one that is there already is checked and returned.

    Args:
        artifact: The artifact folder.
        source: A checkout of the release's commit: `services/` and the serving lock are taken.
        release: What the Bento will say of itself; its `bento` and `model` tags name both.
        bentoml_home: BENTOML_HOME. A Bento whose model was deleted is built anew.

    Raises:
        DigestMismatch: The artifact, or the Bento that is there, is not of the release's digest.
        BentoNotBuilt: BentoML failed.
    """
    check_digest(artifact, release.model_digest, "the artifact")
    bento, model = (
        _place(bentoml_home, "bentos", release.bento),
        _place(bentoml_home, "models", release.model),
    )
    if (bento / "bento.yaml").is_file():
        found = storage.read_record(bento / "src" / RELEASE_FILE, Release)
        if found.model_digest != release.model_digest:
            raise _mismatch("the Bento that is there", found.model_digest, release.model_digest)
        if model.is_dir():
            check_digest(model / FOLDER, release.model_digest, "the Bento's model")
            return _packaged(found, bento, is_new=False)
    with tempfile.TemporaryDirectory(prefix=STAGING, dir=_ready(bentoml_home)) as folder:
        staging = Path(folder)
        _store_model(artifact, release, staging)
        _store_bento(source, release, staging)
        _move(_place(staging, "models", release.model), model)
        _move(_place(staging, "bentos", release.bento), bento)
    return _packaged(release, bento, is_new=True)


def check_digest(folder: Path, expected: str, what: str) -> None:
    """Compares an artifact folder with a model digest.

    Raises:
        DigestMismatch: They differ.
    """
    found = storage.tree_digest(folder)
    if found != expected:
        raise _mismatch(what, found, expected)


def _mismatch(what: str, found: str, expected: str) -> DigestMismatch:
    return DigestMismatch(
        f"{what} has the model digest {found[:12]}…, the release names {expected[:12]}…",
        hint="a version names one artifact for good: register the other one as a new version",
    )


def _place(home: Path, store: str, tag: str) -> Path:
    name, _, version = tag.partition(":")
    return home / store / name / version


def _ready(bentoml_home: Path) -> Path:
    bentoml_home.mkdir(parents=True, exist_ok=True)
    for left in bentoml_home.glob(f"{STAGING}*"):  # a killed build's; the caller holds the lock
        shutil.rmtree(left, ignore_errors=True)
    return bentoml_home


def _packaged(release: Release, bento: Path, *, is_new: bool) -> Packaged:
    return Packaged(**release.model_dump(), bento_path=str(bento.absolute()), is_new=is_new)


def _store_model(artifact: Path, release: Release, home: Path) -> None:
    command = [sys.executable, "-m", "pipelines.package.model_store", release.model, str(artifact)]
    _run(command, _ROOT, home)


def _store_bento(source: Path, release: Release, home: Path) -> None:
    # not in the home, which may lie below a hidden folder: BentoML takes no file from there
    with tempfile.TemporaryDirectory(prefix="tandem-") as folder:
        context = Path(folder)
        _stage(source, release, context)
        version = release.bento.partition(":")[2]
        command = [sys.executable, "-m", "bentoml", "build", str(context), "--version", version]
        _run(command, context, home)


def _stage(source: Path, release: Release, context: Path) -> None:
    ignored = shutil.ignore_patterns("__pycache__")
    shutil.copytree(source / "services", context / "services", ignore=ignored)
    (context / LOCK).parent.mkdir(parents=True)
    shutil.copyfile(source / LOCK, context / LOCK)
    storage.write_record(context / RELEASE_FILE, release)
    YAML().dump(BENTOFILE, context / "bentofile.yaml")


def _run(command: Sequence[str], folder: Path, home: Path) -> None:
    variables = {"BENTOML_HOME": str(home), "BENTOML_DO_NOT_TRACK": "True"}
    done = subprocess.run(
        command,
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode:
        output = (done.stdout + done.stderr).strip()[-SHOWN:]
        raise BentoNotBuilt(f"BentoML ended with {done.returncode}: {output}", where=[command[2]])


def _move(built: Path, target: Path) -> None:
    storage.replace_folder(built, target)
    latest = target.parent / "latest"  # BentoML's own note of the newest
    storage.write_atomic(latest, target.name.encode())
