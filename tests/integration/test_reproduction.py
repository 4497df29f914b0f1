"""The platform itself, trained in several folders: equal inputs give equal bytes.

One run of a tiny data set is committed; then, side by side, a plain clone of its own makes all of
it again, `tandem reproduce` rebuilds it, and a checkout is looked at and edited.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from pipelines import storage
from pipelines.contracts.model import REFIT
from pipelines.contracts.reproduce import Reproduction
from pipelines.doctor.training import training
from pipelines.home import Home
from pipelines.init import parameters
from pipelines.params import Params
from pipelines.state import versions
from pipelines.state.repository import Repository
from tests.integration import tiny_weeks
from tests.integration.small_state import git

PRODUCT = ("pipelines", "services", "dags", "datasets", "requirements", ".dvc")
FILES = ("dvc.yaml", "run.yaml", "champion.json", ".dvcignore", ".gitignore")
SMALL = {
    ("dataset",): "tiny",
    ("families",): ["popularity", "cf", "multitask"],
    ("blend", "sources"): ["multitask", "cf", "popularity"],
    ("multitask", "max_epochs"): 1,
    ("multitask", "embedding_dim"): 8,
    ("multitask", "head_width"): 4,
    ("evaluate", "bootstrap_samples"): 50,
}
KEY = "5" * 64
V1 = "recommender@v1.0.0"
EDITED = "pipelines/models/cf/model.py"
SECONDS = 900


@dataclass(frozen=True)
class Trained:
    """A home with one trained and registered run, and the repository that it came from."""

    home: Home
    source: Path
    commit: str

    @property
    def lock(self) -> bytes:
        """The commit's dvc.lock."""
        content = Repository(self.home.state_repo).show(self.commit, "dvc.lock")
        assert content is not None
        return content


def python(folder: Path, *words: str, **variables: str) -> str:
    """What a module of ours or DVC says; it must end with 0."""
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    programs = str(Path(sys.executable).parent)
    environment = {
        **kept,
        "PATH": os.pathsep.join([programs, kept["PATH"]]),
        "DVC_NO_ANALYTICS": "1",
        "TANDEM_IDENTITY_KEY": KEY,
        **variables,
    }
    ended = subprocess.run(
        [sys.executable, "-m", *words],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert ended.returncode == 0, f"{words}: {ended.stdout}{ended.stderr}"
    return ended.stdout


def write_source(source: Path) -> None:
    """A repository of the platform as it is here, made for the tiny data set."""
    tiny_weeks.write_clone(source)
    skip = shutil.ignore_patterns("__pycache__", "tmp", "config.local", "cache")
    for name in PRODUCT:
        shutil.copytree(tiny_weeks.ROOT / name, source / name, ignore=skip, dirs_exist_ok=True)
    for name in FILES:
        shutil.copy(tiny_weeks.ROOT / name, source)
    parameters.apply(source / "params.yaml", SMALL)
    git(source, "init", "--quiet", "--initial-branch=main")
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message=Begin")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    root = tmp_path_factory.mktemp("trained")
    source, home = root / "source", Home(root / "home")
    write_source(source)
    keys = ("--from", tiny_weeks.KEYS[0], "--to", tiny_weeks.KEYS[-1])
    for words in (
        ("init",),
        ("run", "open", "run"),
        ("run", "step", "run", "ingest", *keys),
        ("run", "step", "run", "validate"),
        ("run", "step", "run", "refit"),
        ("run", "commit", "run"),
    ):
        python(source, "pipelines", *words, TANDEM_HOME=str(home.path))
    state = Repository(home.state_repo)
    commit = state.git("rev-parse", "main").strip()
    # the gate would hold on so few events: registered as the gate's `ship` would have it
    versions.tag(state, V1, commit, storage.tree_digest(home.runs / "run" / REFIT))
    return Trained(home, source, commit)


@dataclass(frozen=True)
class Remade:
    """What the three who came later have made."""

    lock: bytes
    """Of a plain clone that had the first lock and ran every stage by force."""
    answer: dict[str, Any]
    """Of `tandem reproduce`."""
    untouched: str
    """What `dvc repro` says in a checkout."""
    status: str
    """What `dvc status` says there."""
    edited: list[str]
    """Stages that ran there after an edit of one family's code."""


@pytest.fixture(scope="module")
def remade(trained: Trained, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Remade]:
    root = tmp_path_factory.mktemp("remade")
    with ThreadPoolExecutor() as pool:
        forced = pool.submit(force_all, trained, root / "forced")
        rebuilt = pool.submit(reproduce, trained, root)
        looked = pool.submit(look_and_edit, trained, root / "look")
        untouched, status, edited = looked.result()
        yield Remade(
            lock=forced.result(),
            answer=rebuilt.result(),
            untouched=untouched,
            status=status,
            edited=edited,
        )


def force_all(trained: Trained, folder: Path) -> bytes:
    """Takes in the same source in a plain clone with a cache of its own, and runs every stage."""
    git(folder.parent, "clone", "--quiet", str(trained.source), str(folder))
    keys = ("--from", tiny_weeks.KEYS[0], "--to", tiny_weeks.KEYS[-1])
    python(folder, "pipelines", "ingest", *keys)
    python(folder, "pipelines", "validate")
    (folder / "dvc.lock").write_bytes(trained.lock)
    ran = python(folder, "dvc", "repro", "--force", "refit")
    assert "Running stage 'refit'" in ran
    return (folder / "dvc.lock").read_bytes()


def reproduce(trained: Trained, folder: Path) -> dict[str, Any]:
    variables = {"TANDEM_HOME": str(trained.home.path), "TMPDIR": str(folder)}
    answer = python(trained.source, "pipelines", "reproduce", V1, "--json", **variables)
    return dict(json.loads(answer))


def look_and_edit(trained: Trained, folder: Path) -> tuple[str, str, list[str]]:
    """Checks the version out, asks DVC what is to do, and edits one family's code."""
    home = str(trained.home.path)
    words = ("checkout", str(folder), "--version", V1)
    python(trained.source, "pipelines", *words, TANDEM_HOME=home)
    status = python(folder, "dvc", "status", "--with-deps", "refit", TANDEM_HOME=home)
    untouched = python(folder, "dvc", "repro", "refit", TANDEM_HOME=home)
    with (folder / EDITED).open("a") as file:
        file.write("# the same, in other words\n")
    ran = python(folder, "dvc", "repro", "refit", TANDEM_HOME=home)
    return untouched, status, re.findall("Running stage '([^']+)'", ran)


def stages(lock: bytes) -> dict[str, Any]:
    return dict(YAML(typ="safe").load(lock)["stages"])


def test_a_plain_clone_with_the_same_key_forced_through_all_stages_leaves_the_lock_unchanged(
    trained: Trained, remade: Remade
) -> None:
    """Catches a time, a path, a host or a random number in any output."""
    assert stages(remade.lock) == stages(trained.lock)
    assert remade.lock == trained.lock


def test_a_version_is_reproduced_from_its_commit(trained: Trained, remade: Remade) -> None:
    answer = Reproduction.model_validate_json(json.dumps(remade.answer))

    assert answer.equal
    assert (answer.version, answer.commit) == (V1, trained.commit)
    assert answer.rebuilt_digest == answer.model_digest
    params = Params.load(trained.source / "params.yaml")
    assert [row.stage for row in answer.stages if row.path.startswith("artifacts/")] == [
        *(f"train@{family}" for family in params.families),
        "blend@blend",
        "refit",
    ]
    assert answer.figures.compared > 100


def test_in_a_checkout_there_is_nothing_to_do(remade: Remade) -> None:
    assert "Data and pipelines are up to date" in remade.status
    assert "Running stage" not in remade.untouched
    assert "Data and pipelines are up to date" in remade.untouched


def test_an_edit_of_one_family_trains_that_family_alone(remade: Remade) -> None:
    # its artifact names its code, so the blend of it is made and all are evaluated anew; the winner
    # is another family's
    assert remade.edited == ["train@cf", "blend@blend", "evaluate"]


def test_the_doctor_says_what_such_little_data_are_not_enough_for(
    trained: Trained, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained.source)

    seen = training("training data", trained.home, Params.load())

    # a tenth of six weeks of 120 rows
    assert seen.verdict == "warn"
    assert seen.detail.startswith("720 interactions: the test window has 72 events of")
