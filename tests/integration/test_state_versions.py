"""A trained and committed run: its version, its artifact, its checkout, and what status says."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import nullcontext
from pathlib import Path

import gto.api
import pytest

from pipelines import storage
from pipelines.checkout import step as checkout
from pipelines.contracts.model import REFIT, Champion, RunFile
from pipelines.contracts.release import Deployment, Placed
from pipelines.contracts.state import Run, Step, Version
from pipelines.errors import (
    AlreadyRegistered,
    CacheCorrupt,
    DigestMismatch,
    NotCommitted,
    UnknownVersion,
    UsageError,
)
from pipelines.register import step as register
from pipelines.state import fetch, record, runs, versions
from pipelines.state.objects import Objects, outputs_of_lock
from pipelines.state.repository import Repository
from pipelines.status import step as status
from tests.integration import small_state
from tests.integration.small_state import FAMILIES, SmallState, git

KEY = "1998-03-09"
V1 = "recommender@v1.0.0"
STATUS_SECONDS = 2.0


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallState]:
    yield from small_state.trained(tmp_path_factory.mktemp("trained"), KEY)


@pytest.fixture
def version(trained: SmallState) -> Version:
    return versions.lookup(trained.home, V1)


@pytest.fixture
def live(trained: SmallState, version: Version) -> Iterator[Placed]:
    """The version, recorded as the champion."""
    placed = Placed(
        **version.model_dump(include=set(Placed.model_fields)),
        bento="recommender:v1.0.0",
        model="recommender:v1.0.0",
        slot="blue",
        bento_path="/bentos/recommender/v1.0.0",
    )
    storage.write_record(trained.home.deployment, Deployment(champion=placed))
    yield placed
    trained.home.deployment.unlink()


def test_a_version_is_a_tag_that_gto_reads_and_tells_its_whole_chain(
    trained: SmallState, version: Version
) -> None:
    run = record.find(trained.home, "training")

    assert (version.commit, version.run) == (run.commit, "training")
    assert version.model_digest == storage.tree_digest(Path(run.path) / REFIT)
    assert (version.data_version, version.partition) == (f"data/{KEY}", KEY)
    assert version.judged_fit_until < version.trained_until
    assert gto.api.show(str(trained.home.state_repo))["recommender"]["version"] == "v1.0.0"
    assert trained.state.git("cat-file", "-t", V1).strip() == "tag"
    assert versions.registered(trained.home) == [V1]


def test_a_commit_is_registered_once(trained: SmallState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(trained.home.runs / "training")
    with pytest.raises(AlreadyRegistered, match="v1"):
        register.run()

    monkeypatch.chdir(trained.home.runs / "first")
    with pytest.raises(NotCommitted):
        register.run()


@pytest.mark.parametrize(
    ("first_exit", "is_ours"), [(None, True), (5, True), (0, False)], ids=["cut", "killed", "told"]
)
def test_a_retry_tells_of_the_version_that_a_killed_try_has_tagged(
    trained: SmallState,
    monkeypatch: pytest.MonkeyPatch,
    first_exit: int | None,
    is_ours: bool,
) -> None:
    """Catches a retry that ends with 99, so that no event deploys the version."""
    monkeypatch.chdir(trained.home.runs / "training")
    monkeypatch.setenv("TANDEM_RUN_ID", "training")
    run = record.find(trained.home, "training")
    tries = [
        Step(verb="register", args=[], started_at="2026-01-01T00:00:00Z", exit_code=code)
        for code in (first_exit, None)
    ]
    record.write(trained.home, run.model_copy(update={"steps": [*run.steps, *tries]}))

    outcome = nullcontext() if is_ours else pytest.raises(AlreadyRegistered)
    with outcome:
        assert register.run().version == V1

    record.write(trained.home, run)


def test_a_changed_artifact_is_not_registered(
    trained: SmallState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained.home.runs / "training")
    file = REFIT / "saved_model/saved_model.pb"
    content = file.read_bytes()
    file.write_bytes(content[:-1] + b"?")

    try:
        with pytest.raises(DigestMismatch) as refused:
            register.run()
    finally:
        file.write_bytes(content)

    assert refused.value.where == (str(file),)


def test_a_version_that_another_run_takes_first_gives_the_next_number(
    trained: SmallState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = small_state.copy_of(trained, tmp_path, monkeypatch)
    small.train("again")
    done = runs.commit(small.home, "again")
    monkeypatch.chdir(small.home.runs / "again")
    push = Repository.push

    def late_push(clone: Repository, *refspecs: str) -> bool:
        monkeypatch.setattr(Repository, "push", push)
        versions.tag(small.state, "recommender@v2.0.0", f"{done.commit}~2", "0" * 64)
        return push(clone, *refspecs)

    monkeypatch.setattr(Repository, "push", late_push)

    registered = register.run()

    assert registered.version == "recommender@v3.0.0"
    assert small.state.resolve("recommender@v3.0.0") == done.commit


def test_production_is_assigned_once_until_it_changes(trained: SmallState) -> None:
    versions.assign(trained.home, V1)
    versions.assign(trained.home, V1)

    assert versions.assigned(trained.home) == V1
    assert trained.state.git("tag", "--list", "recommender#*").split() == [
        "recommender#production#1"
    ]
    with pytest.raises(UnknownVersion):
        versions.assign(trained.home, "recommender@v9.0.0")


def test_an_artifact_is_fetched_by_its_digest_or_not_at_all(
    trained: SmallState, version: Version, tmp_path: Path
) -> None:
    dest = tmp_path / "artifact"
    fetch.fetch_artifact(trained.home, version.commit, REFIT, version.model_digest, dest)

    assert storage.tree_digest(dest) == version.model_digest
    with pytest.raises(DigestMismatch):
        fetch.fetch_artifact(trained.home, version.commit, REFIT, "0" * 64, dest)
    assert storage.tree_digest(dest) == version.model_digest


def test_an_artifact_that_is_damaged_everywhere_is_named(
    trained: SmallState, version: Version, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = small_state.copy_of(trained, tmp_path, monkeypatch)
    lock = small.state.show(version.commit, "dvc.lock")
    assert lock is not None
    listing = Objects(small.home).path(outputs_of_lock(lock)[REFIT.as_posix()].md5)
    listing.unlink()
    fetch.fetch_artifact(small.home, version.commit, REFIT, version.model_digest, tmp_path / "a")
    for copy in (listing, small.home.remote / listing.relative_to(small.home.cache)):
        copy.chmod(0o644)
        copy.write_bytes(b"[]")

    with pytest.raises(CacheCorrupt, match="artifacts/refit"):
        fetch.fetch_artifact(
            small.home, version.commit, REFIT, version.model_digest, tmp_path / "a"
        )


def test_a_checkout_is_ready_and_repro_has_nothing_to_do(
    trained: SmallState, tmp_path: Path
) -> None:
    done = checkout.run(tmp_path / "look", V1)

    repro = subprocess.run(
        [sys.executable, "-m", "dvc", "repro"],
        cwd=done.directory,
        capture_output=True,
        text=True,
        check=True,
    )
    assert "Data and pipelines are up to date" in repro.stdout
    assert git(Path(done.directory), "status", "--porcelain") == ""
    assert git(Path(done.directory), "rev-parse", "HEAD") == done.commit


def open_fresh(trained: SmallState, name: str) -> tuple[Run, RunFile]:
    """A new run, and the run file in its clone."""
    shutil.rmtree(trained.home.runs / name, ignore_errors=True)
    run = runs.open_run(trained.home, name)
    os.chdir(run.path)
    return run, RunFile.load()


def test_a_run_with_the_champions_recipe_is_a_refresh_and_takes_it_over(
    trained: SmallState, live: Placed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained.source)

    run, run_file = open_fresh(trained, "refresh")

    assert (run.kind, run_file.kind, run_file.family) == ("refresh", "refresh", "popularity")
    assert run_file.recipe_commit == live.commit
    assert run_file.epochs == dict.fromkeys(FAMILIES, 3)
    assert set(run_file.calibration or {}) == set(FAMILIES)
    champion = storage.read_record(Path("champion.json"), Champion)
    assert (champion.version, champion.model_digest) == (V1, live.model_digest)
    assert champion.recipe is not None
    judged = storage.tree_digest(trained.home.runs / "training/artifacts/popularity")
    assert (champion.recipe.commit, champion.recipe.digest) == (live.commit, judged)


def test_a_recipe_run_can_be_asked_for(
    trained: SmallState, live: Placed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained.source)
    monkeypatch.setenv("TANDEM_RUN_KIND", "recipe")

    run, run_file = open_fresh(trained, "asked")

    assert (run.kind, run_file) == ("recipe", RunFile(kind="recipe"))


def test_a_refresh_cannot_be_asked_for(
    trained: SmallState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_RUN_KIND", "refresh")

    with pytest.raises(UsageError, match="TANDEM_RUN_KIND = 'refresh'"):
        runs.open_run(trained.home, "asked-refresh")

    assert not (trained.home.runs / "asked-refresh").exists()


@pytest.mark.parametrize(
    ("path", "old", "new"),
    [
        pytest.param("params.yaml", "l2: 800.0", "l2: 801.0", id="parameters"),
        pytest.param("pipelines/models/popularity/model.py", "first", "second", id="model code"),
    ],
)
def test_other_parameters_or_model_code_make_a_recipe_run(
    trained: SmallState,
    live: Placed,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    path: str,
    old: str,
    new: str,
) -> None:
    small = small_state.copy_of(trained, tmp_path, monkeypatch)
    storage.write_record(small.home.deployment, Deployment(champion=live))
    git(tmp_path, "clone", "--quiet", str(small.home.state_repo), "edit")
    file = tmp_path / "edit" / path
    file.write_text(file.read_text().replace(old, new))
    git(tmp_path / "edit", "commit", "--quiet", "--all", "--message=Edit")
    git(tmp_path / "edit", "push", "--quiet", "origin", "main")

    run, _ = open_fresh(small, "edited")

    assert run.kind == "recipe"


def test_status_is_quick_and_each_id_is_found_where_it_points(
    trained: SmallState, live: Placed, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(trained.source)
    start = time.monotonic()

    told = status.run()

    assert time.monotonic() - start < STATUS_SECONDS
    assert told.champion is not None
    assert trained.state.resolve(told.champion.version) == told.champion.commit
    assert trained.state.resolve(told.champion.data_version) is not None
    assert told.champion.partition == told.partitions[-1].key == KEY
    assert (told.partitions[-1].decision, told.partitions[-1].tag) == ("ACCEPT", f"data/{KEY}")
    assert told.last_verdict is not None
    assert told.last_verdict.verdict == "ship"
    assert (told.previous, told.canary, told.services) == (None, None, [])
    assert told.clock.mode == "replay"
