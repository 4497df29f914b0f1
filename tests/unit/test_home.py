"""How the home is found, and what its folders are when it is made."""

import errno
import os
import stat
from pathlib import Path

import pytest

from pipelines.errors import DiskFull, NoHome, NotWritable, TandemError
from pipelines.home import Home, repository_root


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("TANDEM_HOME", raising=False)
    root = tmp_path / "clone"
    (root / "pipelines").mkdir(parents=True)
    (root / "pipelines" / "__main__.py").touch()
    (root / "dvc.yaml").touch()
    return root


def test_the_home_is_var_of_the_clone_that_a_deeper_folder_lies_in(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone / "pipelines")

    assert Home.find() == Home(clone / "var")


def test_tandem_home_wins_over_the_clone_and_becomes_absolute(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(clone)
    monkeypatch.setenv("TANDEM_HOME", "elsewhere")

    assert Home.find() == Home(clone / "elsewhere")


def test_outside_a_clone_the_error_says_how_to_get_a_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TANDEM_HOME", raising=False)
    monkeypatch.chdir(tmp_path)

    with pytest.raises(NoHome, match="no Tandem home here") as missing:
        Home.find()

    assert "tandem init" in missing.value.hint
    assert missing.value.exit_code == 2


def test_a_folder_that_only_has_a_dvc_yaml_is_no_clone(tmp_path: Path) -> None:
    (tmp_path / "dvc.yaml").touch()

    assert repository_root(tmp_path) is None


def test_a_home_without_a_state_repository_asks_for_init(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()

    with pytest.raises(NoHome, match="state repository"):
        home.require()

    home.state_repo.mkdir()
    assert home.require() == home


def test_folders_with_raw_ids_and_keys_are_for_the_owner_alone(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").ensure()

    private = [home.path, home.keys, home.landing, home.quarantine]
    assert {stat.S_IMODE(folder.stat().st_mode) for folder in private} == {0o700}


def test_making_a_home_again_closes_a_folder_that_was_opened(tmp_path: Path) -> None:
    home = Home(tmp_path / "home").ensure()
    home.landing.chmod(0o755)

    home.ensure()

    assert stat.S_IMODE(home.landing.stat().st_mode) == 0o700


def test_a_home_in_the_way_of_a_file_is_not_writable(tmp_path: Path) -> None:
    (tmp_path / "home").write_text("I am a file")

    with pytest.raises(NotWritable) as refused:
        Home(tmp_path / "home").ensure()

    assert str(tmp_path / "home") in refused.value.render()


@pytest.mark.parametrize(
    ("number", "expected"), [(errno.ENOSPC, DiskFull), (errno.EROFS, NotWritable)]
)
def test_a_disk_that_takes_no_home_is_at_fault(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, number: int, expected: type[TandemError]
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(number, os.strerror(number))

    monkeypatch.setattr(os, "mkdir", refuse)

    with pytest.raises(expected):
        Home(tmp_path / "home").ensure()
