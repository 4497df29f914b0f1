"""Packaging with the real BentoML: what is built, what is kept, what is refused."""

import shutil
from pathlib import Path

import pytest

from pipelines import storage
from pipelines.contracts.release import Release
from pipelines.errors import BentoNotBuilt, DigestMismatch
from pipelines.package.bento import build_bento
from pipelines.package.step import export_code
from pipelines.state.repository import Repository
from tests.integration import serving

BENTO = Path("bentos/recommender/v3.0.0")
MODEL = Path("models/recommender/v3.0.0")


def write_artifact(folder: Path) -> Path:
    """Packaging looks at digests alone, so any files will do."""
    (folder / "saved_model").mkdir(parents=True)
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"graph")
    (folder / "manifest.json").write_text("{}")
    return folder


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """BENTOML_HOME with v3.0.0, below a hidden folder as a person's home may be."""
    folder = tmp_path_factory.mktemp("built")
    artifact = write_artifact(folder / "artifact")
    release = serving.make_release(artifact, "v3.0.0")
    assert build_bento(artifact, serving.ROOT, release, folder / ".hidden" / "bentoml").is_new
    return folder / ".hidden" / "bentoml"


@pytest.fixture
def home(built: Path, tmp_path: Path) -> Path:
    """A copy of it."""
    return Path(shutil.copytree(built, tmp_path / "bentoml"))


@pytest.fixture
def artifact(tmp_path: Path) -> Path:
    return write_artifact(tmp_path / "artifact")


def test_a_bento_holds_the_code_the_release_and_the_serving_lock(
    home: Path, artifact: Path
) -> None:
    source = home / BENTO / "src" / "services" / "recommender"
    release = serving.make_release(artifact, "v3.0.0")
    first_pin = (serving.ROOT / "requirements/serving.lock").read_text().partition("==")[0]
    requirements = (home / BENTO / "env/python/requirements.txt").read_text()

    assert (source / "service.py").is_file()
    assert storage.read_record(source / "release.json", Release) == release
    assert first_pin.splitlines()[-1] in requirements
    assert "--hash=sha256:" in requirements


def test_the_model_beside_it_has_the_digest_of_the_release(home: Path, artifact: Path) -> None:
    release = serving.make_release(artifact, "v3.0.0")

    assert storage.tree_digest(home / MODEL / "artifact") == release.model_digest
    assert not list(home.glob("build-*"))


def test_packaging_again_returns_the_bento_that_is_there(home: Path, artifact: Path) -> None:
    before = storage.tree_digest(home / BENTO)

    again = build_bento(artifact, serving.ROOT, serving.make_release(artifact, "v3.0.0"), home)

    assert not again.is_new
    assert again.bento_path == str(home / BENTO)
    assert storage.tree_digest(home / BENTO) == before


def test_a_version_never_names_another_model(home: Path, artifact: Path) -> None:
    (artifact / "manifest.json").write_text('{"other": true}')

    with pytest.raises(DigestMismatch):
        build_bento(artifact, serving.ROOT, serving.make_release(artifact, "v3.0.0"), home)


def test_a_changed_model_in_the_store_is_found(home: Path, artifact: Path) -> None:
    (home / MODEL / "artifact" / "manifest.json").write_text("changed")

    with pytest.raises(DigestMismatch):
        build_bento(artifact, serving.ROOT, serving.make_release(artifact, "v3.0.0"), home)


def test_a_bento_whose_model_was_deleted_is_built_anew(home: Path, artifact: Path) -> None:
    release = serving.make_release(artifact, "v3.0.0")
    shutil.rmtree(home / MODEL)

    built = build_bento(artifact, serving.ROOT, release, home)

    assert built.is_new
    assert storage.tree_digest(home / MODEL / "artifact") == release.model_digest
    assert (home / BENTO / "bento.yaml").is_file()


def test_an_artifact_that_is_not_the_registered_one_is_not_packaged(
    artifact: Path, tmp_path: Path
) -> None:
    release = serving.make_release(artifact)
    (artifact / "manifest.json").write_text("changed")

    with pytest.raises(DigestMismatch):
        build_bento(artifact, serving.ROOT, release, tmp_path / "bentoml")


def test_a_killed_build_is_built_anew(artifact: Path, tmp_path: Path) -> None:
    release = serving.make_release(artifact)
    home = tmp_path / "bentoml"
    left = home / "build-killed" / "bentos"
    left.mkdir(parents=True)
    model_only = home / "models" / "recommender" / "v1.0.0"
    model_only.mkdir(parents=True)
    (model_only / "half").write_text("")

    packaged = build_bento(artifact, serving.ROOT, release, home)

    assert packaged.is_new
    assert not left.exists()
    assert not (model_only / "half").exists()


def test_what_bentoml_says_is_passed_on(artifact: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    shutil.copytree(serving.ROOT / "services", source / "services")
    shutil.copytree(serving.ROOT / "requirements", source / "requirements")
    (source / "services/recommender/service.py").write_text("raise RuntimeError('broken here')\n")

    with pytest.raises(BentoNotBuilt, match="broken here"):
        build_bento(artifact, source, serving.make_release(artifact), tmp_path / "bentoml")

    assert not (tmp_path / "bentoml" / "bentos" / "recommender").exists()


def test_the_code_of_a_bento_is_that_of_the_commit(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "services/recommender").mkdir(parents=True)
    (state / "requirements").mkdir()
    (state / "services/recommender/service.py").write_text("committed\n")
    (state / "requirements/serving.lock").write_text("orjson==3.13.0\n")
    repository = Repository(state)
    repository.git("init", "--quiet")
    repository.git("add", "--all")
    repository.git("commit", "--quiet", "--message=Begin")
    commit = repository.git("rev-parse", "HEAD").strip()
    (state / "services/recommender/service.py").write_text("edited\n")

    export_code(repository, commit, tmp_path / "source")

    source = tmp_path / "source"
    assert (source / "services/recommender/service.py").read_text() == "committed\n"
    assert (source / "requirements/serving.lock").read_text() == "orjson==3.13.0\n"
