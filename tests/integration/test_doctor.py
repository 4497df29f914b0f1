"""`tandem doctor` on a real home, with every fault caused."""

import json
import os
import shutil
import sqlite3
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from pipelines import storage
from pipelines.cli import application
from pipelines.contracts.doctor import Diagnosis, Finding
from pipelines.contracts.release import Deployment, Placed
from pipelines.doctor import step as doctor
from pipelines.doctor.findings import made
from pipelines.home import Home
from pipelines.state import runs, versions
from pipelines.state.objects import Objects, output_of_add
from tests.integration import small_state
from tests.integration.running import free_ports
from tests.integration.small_state import SmallState, git
from tests.integration.whole_state import contents

KEY = "1998-03-09"
V1 = "recommender@v1.0.0"
SECONDS = 10.0
UNASKED = {"packages", "sqlite", "memory", "disk", "training data"}
"""Checks that depend on the machine, or on data that the small program does not make."""


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallState]:
    for small in small_state.trained(tmp_path_factory.mktemp("trained"), KEY):
        storage.write_record(small.home.ports, free_ports())
        yield small


@pytest.fixture
def home(trained: SmallState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home that a test may damage, with one run's clone."""
    copied = small_state.copy_of(trained, tmp_path, monkeypatch)
    runs.open_run(copied.home, "open")
    return copied.home


def found(name: str, deep: bool = False) -> Finding:
    """What one check finds in the home that is set."""
    return next(made(one) for one in doctor.checks(Home.find(), deep) if one.name == name)


def test_a_healthy_home_is_found_healthy_quickly_and_nothing_is_written(home: Home) -> None:
    before, start = contents(home.path), time.monotonic()

    diagnosis = doctor.run(deep=False, repair=False)

    assert time.monotonic() - start < SECONDS
    ill = [one for one in diagnosis.checks if one.verdict != "ok" and one.name not in UNASKED]
    assert ill == []
    assert contents(home.path) == before


def test_before_init_the_machine_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "none"))
    shutil.copy(small_state.REPOSITORY / "params.yaml", tmp_path)
    monkeypatch.chdir(tmp_path)

    checks = {one.name: one for one in doctor.run(deep=False, repair=True).checks}

    assert checks["home"].detail.startswith("not made yet")
    assert {"python", "packages", "programs", "sqlite", "ports"} <= set(checks)
    assert not (tmp_path / "none").exists()


def test_outside_of_any_clone_the_machine_alone_is_looked_at(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TANDEM_HOME", raising=False)
    monkeypatch.chdir(tmp_path)

    diagnosis = doctor.run(deep=False, repair=False)

    assert diagnosis.home is None
    assert "python" in {one.name for one in diagnosis.checks}


def test_what_is_broken_ends_with_5_and_one_json_object_names_it(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    home.identity_key.chmod(0o644)
    capfd.readouterr()

    code = application.main(["doctor", "--json"])

    answer = json.loads(capfd.readouterr().out)
    error = answer.pop("error")
    assert (code, error["code"]) == (5, "unhealthy")
    assert "identity key" in error["message"]
    assert error["hint"].startswith("chmod 600")
    assert not Diagnosis.model_validate_json(json.dumps(answer)).healthy


def test_people_get_a_table_and_the_error_below_it(
    home: Home, capfd: pytest.CaptureFixture[str]
) -> None:
    home.identity_key.unlink()
    capfd.readouterr()

    application.main(["doctor"])

    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.index("verdict") < said.err.index("identity key") < said.err.index("error: ")
    assert not home.identity_key.exists()


# --- the home's files


@pytest.mark.parametrize(
    ("damage", "detail"),
    [
        pytest.param(lambda path: path.unlink(), "is gone", id="gone"),
        pytest.param(lambda path: path.chmod(0o640), "open to others", id="open"),
        pytest.param(lambda path: path.write_text("ab"), "64 hexadecimal", id="cut"),
    ],
)
def test_a_key_that_is_gone_open_or_cut_fails(
    home: Home, damage: Callable[[Path], object], detail: str
) -> None:
    damage(home.identity_key)

    assert found("identity key").verdict == "fail"
    assert detail in found("identity key").detail


def test_another_key_in_the_environment_fails(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANDEM_IDENTITY_KEY", "0" * 64)

    assert found("identity key").verdict == "fail"


def test_a_private_folder_that_is_open_fails_and_stays_as_it_is(home: Home) -> None:
    home.landing.chmod(0o755)

    seen = found("home")

    assert (seen.verdict, seen.hint) == ("fail", f"chmod 700 {home.landing}")
    assert home.landing.stat().st_mode & 0o777 == 0o755


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_a_folder_of_another_owner_fails_with_that_owner(home: Home) -> None:
    os.chown(home.runs, 65534, 65534)

    assert found("home").verdict == "fail"
    assert f"{home.runs} (uid 65534)" in found("home").detail


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        pytest.param('{"schema": 9}', "schema 9", id="newer"),
        pytest.param('{"schema": 1, "epo', "not a Deployment", id="cut"),
    ],
)
def test_a_record_that_is_newer_or_cut_fails_by_name(home: Home, content: str, detail: str) -> None:
    home.deployment.write_text(content)

    seen = found("records")

    assert seen.verdict == "fail"
    assert "deployment.json" in seen.detail
    assert detail in seen.detail


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda folder: (folder / "extra.py").write_text("x"), id="added"),
        pytest.param(lambda folder: next(folder.glob("*.py")).write_text("x"), id="edited"),
        pytest.param(lambda folder: next(folder.glob("*.py")).unlink(), id="gone"),
    ],
)
def test_dag_files_other_than_the_commits_fail(
    home: Home, change: Callable[[Path], object]
) -> None:
    assert found("DAG files").verdict == "ok"

    change(home.airflow / "dags")

    assert (found("DAG files").verdict, found("DAG files").hint) == ("fail", "run `tandem init`")


def test_a_champion_without_its_bento_fails(home: Home) -> None:
    version = versions.lookup(home, V1)
    placed = Placed(
        **version.model_dump(include=set(Placed.model_fields)),
        bento="recommender:v1.0.0",
        model="recommender:v1.0.0",
        slot="blue",
        bento_path=str(home.bentoml / "gone"),
    )
    storage.write_record(home.deployment, Deployment(champion=placed))

    assert found("releases").verdict == "fail"
    assert found("releases").hint == f"tandem package --version {V1}"


def test_an_online_store_with_a_broken_page_fails(home: Home) -> None:
    connection = sqlite3.connect(home.online)
    connection.execute("CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT)")
    connection.execute("INSERT INTO meta VALUES ('data_version', 'data/1998-03-09')")
    connection.executemany(
        "INSERT INTO meta VALUES (?, ?)", [(str(number), "x" * 500) for number in range(500)]
    )
    connection.commit()
    connection.close()
    assert found("online store").detail == "data/1998-03-09"

    with home.online.open("r+b") as file:
        file.seek(4096 * 4)
        file.write(b"\xff" * 4096 * 20)

    assert found("online store").verdict == "fail"
    assert "tandem deploy" in found("online store").hint


# --- the state


def test_a_lost_object_of_the_state_fails_with_the_way_back(home: Home) -> None:
    state = small_state.Repository(home.state_repo)
    tree = state.git("rev-parse", "main^{tree}").strip()
    (home.state_repo / "objects" / tree[:2] / tree[2:]).unlink()

    seen = found("state")

    assert seen.verdict == "fail"
    assert "git push --mirror" in seen.hint


def stored_items(home: Home) -> Path:
    """A file of the accepted items, in the remote."""
    pointer = small_state.Repository(home.state_repo).show(f"data/{KEY}", "data/items.dvc")
    assert pointer is not None
    store = Objects(home)
    return store.stored(next(iter(store.listing(output_of_add(pointer), "items").values())))


@pytest.mark.parametrize("damage", ["missing", "damaged", "short"])
def test_a_tag_whose_data_are_not_whole_in_the_remote_fails(home: Home, damage: str) -> None:
    assert found("stored data").verdict == "ok"
    file = stored_items(home)
    content = file.read_bytes()

    file.unlink()
    if damage != "missing":
        file.write_bytes(content[:-1] + b"?" if damage == "damaged" else content[:-5])

    seen = found("stored data")
    assert seen.verdict == "fail"
    assert (
        f"{file.parent.name}{file.name} is {'missing' if damage == 'missing' else 'damaged'}"
        in (seen.detail)
    )


def test_deep_looks_at_every_tag(home: Home) -> None:
    state = small_state.Repository(home.state_repo)
    for number in range(2, 6):
        state.git("tag", f"data/{KEY}.r{number}", f"data/{KEY}")

    assert found("stored data").detail.startswith("the newest 4 tags")
    assert found("stored data", deep=True).detail.startswith("6 tags")


def test_a_clock_behind_the_newest_commit_is_warned_of(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    git(tmp_path, "clone", "--quiet", str(home.state_repo), "ahead")
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"{int(time.time()) + 3600} +0000")
    git(tmp_path / "ahead", "commit", "--quiet", "--allow-empty", "--message=Ahead")
    git(tmp_path / "ahead", "push", "--quiet", "origin", "main")

    assert found("clock").verdict == "warn"
    assert "60 minutes behind" in found("clock").detail
