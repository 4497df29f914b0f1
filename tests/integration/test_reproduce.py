"""A version rebuilt from its commit: with Git and DVC, and a small program for the platform."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipelines import processes, storage
from pipelines.checkout import step as checkout
from pipelines.cli import application
from pipelines.cli.application import INTERRUPTED
from pipelines.contracts.reproduce import Reproduction
from pipelines.errors import CacheCorrupt, NotReproduced, UnknownVersion
from pipelines.reproduce import step as reproduce
from pipelines.reproduce.scratch import MARK, PREFIX
from pipelines.state import clone, versions
from pipelines.state.objects import Objects, output_of_add
from tests.integration import small_state
from tests.integration.small_state import REPOSITORY, SmallState, git
from tests.integration.whole_state import contents

KEY = "1998-03-09"
V1 = "recommender@v1.0.0"
DEADLINE_SECONDS = 60.0


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallState]:
    yield from small_state.trained(tmp_path_factory.mktemp("trained"), KEY)


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where rebuilds happen, seen alone."""
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.setattr("tempfile.tempdir", None)
    return folder


@pytest.fixture
def copied(
    trained: SmallState, tmp_path: Path, temporary: Path, monkeypatch: pytest.MonkeyPatch
) -> SmallState:
    """A home that a test may damage."""
    return small_state.copy_of(trained, tmp_path / "copied", monkeypatch)


def object_in(store: Path, md5: str) -> Path:
    return store / "files/md5" / md5[:2] / md5[2:]


def test_a_version_is_rebuilt_equal_from_state_and_remote_alone(
    trained: SmallState, temporary: Path, tmp_path: Path
) -> None:
    away = tmp_path / "away"
    trained.home.cache.rename(away)
    before = contents(trained.home.path)

    try:
        rebuilt = reproduce.run(V1)
    finally:
        away.rename(trained.home.cache)

    tagged = versions.tagged(trained.home, V1)
    assert rebuilt.equal
    assert (rebuilt.commit, rebuilt.rebuilt_digest) == tagged
    assert {row.stage for row in rebuilt.stages} == {
        "data",
        "prepare",
        *(f"train@{family}" for family in small_state.FAMILIES),
        "evaluate",
        "refit",
    }
    assert (rebuilt.figures.compared, rebuilt.figures.different) == (1, 0)
    assert before == {
        name: state
        for name, state in contents(trained.home.path).items()
        if name.partition("/")[0] != "cache"
    }
    assert list(temporary.iterdir()) == []


def forge(small: SmallState, tmp_path: Path) -> None:
    """Changes one row of the accepted data, and every digest that says which data they are.

    The commit, its data objects and its tag are made anew; only what was made from the data stays.
    """
    edit = clone.make(small.home, tmp_path / "edit", V1)
    clone.restore(small.home, edit.path, clone.data_of(edit.path))
    folder = edit.path / f"data/interactions/dt={KEY}"
    part, manifest = folder / "part-0.parquet", folder / "manifest.json"
    row = part.read_bytes()
    part.chmod(0o644)
    manifest.chmod(0o644)
    part.write_bytes(row.replace(b": 1", b": 7"))
    assert part.read_bytes() != row
    facts = {**json.loads(manifest.read_text()), "sha256": storage.sha256_file(part)}
    manifest.write_text(json.dumps(facts))
    dvc(edit.path, "add", "--quiet", "data/interactions")
    dvc(edit.path, "push", "--quiet", "data/interactions")
    lock = edit.path / "dvc.lock"
    text = lock.read_text()
    former = YAML(typ="safe").load(text)["stages"]["prepare"]["deps"][0]["md5"]
    pointer = (edit.path / "data/interactions.dvc").read_bytes()
    lock.write_text(text.replace(former, output_of_add(pointer)))
    assert lock.read_text() != text
    git(edit.path, "commit", "--quiet", "--all", "--amend", "--no-edit")
    digest = versions.tagged(small.home, V1).model_digest
    git(edit.path, "tag", "--delete", V1)
    versions.tag(edit, V1, "HEAD", digest)
    git(small.home.state_repo, "config", "receive.denyNonFastForwards", "false")
    git(edit.path, "push", "--quiet", "--force", "origin", f"refs/tags/{V1}")


def dvc(folder: Path, *words: str) -> None:
    subprocess.run([sys.executable, "-m", "dvc", *words], cwd=folder, check=True)


def test_one_forged_row_is_seen_in_the_first_stage_that_read_it(
    copied: SmallState, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    forge(copied, tmp_path)
    capfd.readouterr()

    code = application.main(["reproduce", V1, "--json"])

    answer = json.loads(capfd.readouterr().out)
    assert code == 4
    error = answer.pop("error")
    assert error["code"] == "not-reproduced"
    assert "first in prepare: data/prepared" in error["message"]
    record = Reproduction.model_validate_json(json.dumps(answer))
    assert not record.equal
    assert record.rebuilt_digest != record.model_digest
    different = [row.path for row in record.stages if not row.equal]
    assert (different[0], different[-1]) == ("data/prepared", "artifacts/refit")
    assert all(row.equal for row in record.stages if row.stage == "data")


def test_data_that_the_remote_has_lost_or_damaged_are_named_and_the_cache_is_no_help(
    copied: SmallState, temporary: Path
) -> None:
    pointer = copied.state.show(V1, "data/items.dvc")
    assert pointer is not None
    listing = output_of_add(pointer)
    file = next(iter(Objects(copied.home).listing(listing, "data/items").values()))
    stored = object_in(copied.home.remote, file)
    content = stored.read_bytes()
    stored.chmod(0o644)
    stored.write_bytes(content[:-1] + b"?")

    with pytest.raises(CacheCorrupt, match=f"{file} of data/items") as refused:
        reproduce.run(V1)

    assert refused.value.where == (str(stored),)
    assert list(temporary.iterdir()) == []


def test_a_checkout_that_fails_is_not_there_and_the_same_command_makes_it_later(
    copied: SmallState, tmp_path: Path
) -> None:
    pointer = copied.state.show(V1, "data/items.dvc")
    assert pointer is not None
    name = output_of_add(pointer)
    away = []
    for store in (copied.home.cache, copied.home.remote):
        stored = object_in(store, name)
        away.append((stored, stored.rename(tmp_path / store.name)))

    with pytest.raises(CacheCorrupt, match=name):
        checkout.run(tmp_path / "look", V1)
    assert not any(path.name.startswith((".look", "look")) for path in tmp_path.iterdir())

    for stored, kept in away:
        kept.rename(stored)
    assert checkout.run(tmp_path / "look", V1).directory == str(tmp_path / "look")
    assert git(tmp_path / "look", "status", "--porcelain") == ""


def test_a_stage_that_cannot_be_rebuilt_tells_its_own_error(
    copied: SmallState, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--branch", V1, str(copied.home.state_repo), "edit")
    edit = tmp_path / "edit"
    program = edit / "pipelines/__main__.py"
    program.write_text(program.read_text().replace('fit(Path("artifacts/refit"))', "obey_not()"))
    git(edit, "commit", "--quiet", "--all", "--message=Break")
    git(edit, "push", "--quiet", "origin", "HEAD:refs/heads/broken")
    commit = git(edit, "rev-parse", "HEAD")
    versions.tag(copied.state, "recommender@v2.0.0", commit, "0" * 64)

    with pytest.raises(NotReproduced, match="its command ended with 1"):
        reproduce.run("recommender@v2.0.0")


def test_an_unknown_version_is_a_wrong_use(trained: SmallState) -> None:
    with pytest.raises(UnknownVersion):
        reproduce.run("recommender@v9.0.0")


def test_a_tag_of_another_digest_is_not_reproduced_and_other_packages_are_noted(
    copied: SmallState, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", "--branch", V1, str(copied.home.state_repo), "edit")
    edit = tmp_path / "edit"
    (edit / "requirements").mkdir()
    (edit / reproduce.REQUIREMENTS).write_text("psutil==0.1.2 \\\n    --hash=sha256:00\n")
    git(edit, "add", "--all")
    git(edit, "commit", "--quiet", "--message=Lock")
    git(edit, "push", "--quiet", "origin", "HEAD:refs/heads/locked")
    commit = git(edit, "rev-parse", "HEAD")
    versions.tag(copied.state, "recommender@v2.0.0", commit, "0" * 64)

    rebuilt = reproduce.run("recommender@v2.0.0")

    assert all(row.equal for row in rebuilt.stages)
    assert not rebuilt.equal
    (note,) = rebuilt.notes
    assert "not those of the commit's requirements/requirements.lock: psutil" in note
    with pytest.raises(NotReproduced, match="registered with the digest 000000000000"):
        reproduce.enforce(rebuilt)


def test_a_killed_rebuild_is_cleared_away_by_the_next_one(
    trained: SmallState, temporary: Path
) -> None:
    before = contents(trained.home.path)
    verb = start_verb(temporary)
    folder = wait_for_stage(temporary)

    verb.kill()
    verb.wait(DEADLINE_SECONDS)

    assert folder.exists()
    assert reproduce.run(V1).equal
    assert list(temporary.iterdir()) == []
    assert processes.with_variables({MARK: str(folder)}) == []
    assert contents(trained.home.path) == before


def test_a_rebuild_that_is_asked_to_end_leaves_nothing(
    trained: SmallState, temporary: Path
) -> None:
    verb = start_verb(temporary)
    folder = wait_for_stage(temporary)

    verb.terminate()

    assert verb.wait(DEADLINE_SECONDS) == INTERRUPTED
    assert list(temporary.iterdir()) == []
    assert processes.with_variables({MARK: str(folder)}) == []


def start_verb(temporary: Path) -> "subprocess.Popen[bytes]":
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY), "TMPDIR": str(temporary)}
    return subprocess.Popen(
        [sys.executable, "-m", "pipelines", "reproduce", V1], cwd=REPOSITORY, env=environment
    )


def wait_for_stage(temporary: Path) -> Path:
    """The temporary home of a rebuild whose stages are at work."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while time.monotonic() < deadline:
        for folder in temporary.glob(f"{PREFIX}*"):
            if processes.with_variables({MARK: str(folder)}):
                return folder
        time.sleep(0.05)
    raise AssertionError("no stage was at work")
