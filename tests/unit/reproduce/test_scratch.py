"""The temporary home of a rebuild: what it sees, and which leftovers it clears."""

from pathlib import Path

import psutil
import pytest

from pipelines.home import Home
from pipelines.reproduce.scratch import PREFIX, _start, clear, scratch


@pytest.fixture
def temporary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(folder))
    return folder


def test_it_sees_state_and_remote_has_no_cache_and_is_gone_afterwards(
    tmp_path: Path, temporary: Path
) -> None:
    home = Home(tmp_path / "home").ensure()
    for folder in (home.state_repo, home.remote, home.cache):
        folder.mkdir()

    with scratch(home) as own:
        assert own.state_repo.resolve() == home.state_repo
        assert own.remote.resolve() == home.remote
        assert not own.cache.exists()
        own.cache.mkdir()

    assert list(temporary.iterdir()) == []
    assert home.cache.is_dir()
    assert home.remote.is_dir()


def test_it_is_gone_after_an_error_too(tmp_path: Path, temporary: Path) -> None:
    with pytest.raises(ZeroDivisionError), scratch(Home(tmp_path)):
        raise ZeroDivisionError

    assert list(temporary.iterdir()) == []


def test_leftovers_of_the_dead_are_cleared_and_folders_of_the_living_stay(tmp_path: Path) -> None:
    itself = psutil.Process()
    start = _start(itself)
    living = tmp_path / f"{PREFIX}{itself.pid}-{start}-00"
    reused_pid = tmp_path / f"{PREFIX}{itself.pid}-{start - 1}-00"
    dead = tmp_path / f"{PREFIX}4194999-1-00"
    strange = tmp_path / f"{PREFIX}notes"
    for folder in (living, reused_pid, dead, strange):
        (folder / "clone").mkdir(parents=True)

    clear(tmp_path)

    assert sorted(tmp_path.iterdir()) == sorted([living, strange])
