"""`tandem init` on real repositories: what it makes, and what it refuses."""

import json
import stat
from pathlib import Path

import pytest

from pipelines.errors import BadKey, BadParameter, NotInRepository, OtherDataset
from pipelines.init import step as init
from pipelines.params import Params
from pipelines.state import settings
from pipelines.state.repository import Repository
from tests.integration import small_state
from tests.integration.small_state import SmallState, git


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallState:
    return small_state.make(tmp_path, monkeypatch)


def test_the_state_begins_at_the_commit_and_a_second_init_changes_nothing(
    small: SmallState,
) -> None:
    head = git(small.source, "rev-parse", "HEAD")
    first = json.loads((small.home.airflow / "dags/settings.json").read_text())["since"]

    again = init.run(Params.load(), None)

    assert (again.commit, again.is_new) == (head, False)
    assert again.state_repo == str(small.home.state_repo)
    assert stat.S_IMODE(small.home.identity_key.stat().st_mode) == 0o600
    dags = Path(again.dags)
    assert (dags / "recommender_ingestion.py").exists()
    facts = json.loads((dags / "settings.json").read_text())
    assert facts.pop("since") == first
    assert facts == {
        "name": "movielens-100k",
        "clock": "replay",
        "grain": "week",
        "approval": False,
    }


def test_a_detached_head_and_overrides_are_taken_and_comments_stay(
    small: SmallState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(small.source, "checkout", "--quiet", "--detach")
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "second"))

    overrides = ["multitask.max_epochs=1", "deploy.approval=true"]
    made = init.run(Params.load(overrides=overrides), None)

    home = small.home.__class__(Path(made.home))
    assert settings.yaml_at(home, "main", "params.yaml")["multitask"]["max_epochs"] == 1
    text = Repository(home.state_repo).show("main", "params.yaml")
    before = (small.source / "params.yaml").read_text()
    assert text is not None
    differing = set(text.decode().splitlines()) ^ set(before.splitlines())
    assert {line.split(":")[0].strip() for line in differing} == {"max_epochs", "approval"}
    assert json.loads((Path(made.dags) / "settings.json").read_text())["approval"]


def test_a_home_belongs_to_one_data_set(small: SmallState) -> None:
    descriptor = small.source / "datasets/movielens-100k.yaml"
    other = descriptor.read_text().replace("name: movielens-100k", "name: other")
    descriptor.with_name("other.yaml").write_text(other)

    with pytest.raises(OtherDataset):
        init.run(Params.load(), "other")


def test_a_shared_key_is_kept_and_another_one_is_refused(
    small: SmallState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_IDENTITY_KEY", "ab" * 32)
    with pytest.raises(BadKey):
        init.run(Params.load(), None)
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "second"))

    init.run(Params.load(), None)

    assert (tmp_path / "second/keys/identity").read_text().strip() == "ab" * 32


def test_init_needs_a_repository_with_a_commit(
    small: SmallState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "second"))
    params = Params.load()
    (small.source / ".git").rename(tmp_path / "away")

    with pytest.raises(NotInRepository):
        init.run(params, None)


def test_a_descriptor_that_is_not_committed_makes_no_home(
    small: SmallState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "second"))
    descriptor = small.source / "datasets/movielens-100k.yaml"
    other = descriptor.read_text().replace("name: movielens-100k", "name: other")
    descriptor.with_name("other.yaml").write_text(other)
    with pytest.raises(NotInRepository, match="descriptor of other"):
        init.run(Params.load(), "other")
    git(small.source, "add", "--all")
    git(small.source, "commit", "--quiet", "--message=Add it")

    assert init.run(Params.load(), "other").is_new


def test_a_descriptor_of_the_state_that_is_not_understood_is_named(
    small: SmallState, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "--quiet", str(small.home.state_repo), "edit")
    with (tmp_path / "edit/datasets/movielens-100k.yaml").open("a") as file:
        file.write("unheard_of: 1\n")
    git(tmp_path / "edit", "commit", "--quiet", "--all", "--message=Edit")
    git(tmp_path / "edit", "push", "--quiet", "origin", "main")

    with pytest.raises(BadParameter, match="unknown key unheard_of") as refused:
        init.run(Params.load(), None)

    assert refused.value.where == ("unheard_of in datasets/movielens-100k.yaml of the state",)


def test_a_key_file_in_upper_case_is_the_same_key(small: SmallState) -> None:
    first = init.run(Params.load(), None)
    small.home.identity_key.write_text(small.home.identity_key.read_text().upper())

    again = init.run(Params.load(), None)

    assert again.identity_key_fingerprint == first.identity_key_fingerprint
