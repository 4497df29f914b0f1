"""Which clones and unfinished files may go, and which stay."""

import os
import shutil
import time
from pathlib import Path

import pytest

from pipelines import storage
from pipelines.contracts.state import Run
from pipelines.home import Home
from pipelines.state import leftovers, record

HOUR, DAY = 3_600.0, 86_400.0


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).ensure()


def make_clone(home: Home, name: str, age: float, commit: str | None = "c0ffee") -> Path:
    """A clone, and the record of its run, that were touched so many seconds ago."""
    clone = home.runs / name
    (clone / ".git").mkdir(parents=True)
    run = Run(
        id=name,
        path=str(clone),
        base="b" * 40,
        kind="recipe",
        reason="asked for",
        opened_at="2026-01-01T00:00:00Z",
        commit=commit,
    )
    record.write(home, run)
    for path in (clone, record.path_of(home, name)):
        make_older(path, age)
    return clone


def make_older(path: Path, age: float) -> None:
    moment = time.time() - age
    os.utime(path, (moment, moment))


def clones(home: Home) -> list[str]:
    return sorted(path.name for path in home.runs.iterdir() if path.is_dir())


def test_the_newest_clones_stay_and_every_record(home: Home) -> None:
    for number in range(5):
        make_clone(home, f"run-{number}", (10 - number) * DAY)

    leftovers.clear(home, keep=2)

    assert clones(home) == ["run-3", "run-4"]
    assert len(list(home.runs.glob("*.json"))) == 5


@pytest.mark.parametrize(
    ("age", "commit", "stays"),
    [
        pytest.param(23 * HOUR, "c0ffee", True, id="committed today"),
        pytest.param(25 * HOUR, "c0ffee", False, id="committed yesterday"),
        pytest.param(6 * DAY, None, True, id="open"),
        pytest.param(8 * DAY, None, False, id="abandoned"),
    ],
)
def test_a_clone_stays_while_somebody_may_come_back_for_it(
    home: Home, age: float, commit: str | None, stays: bool
) -> None:
    make_clone(home, "newest", 0)
    make_clone(home, "run", age, commit)

    leftovers.clear(home, keep=1)

    assert ("run" in clones(home)) == stays


def test_a_clone_in_which_somebody_works_stays(home: Home) -> None:
    make_clone(home, "newest", 0)
    make_clone(home, "run", 30 * DAY)

    with storage.lock(record.lock_of(home, "run"), "run step register"):
        leftovers.clear(home, keep=1)

    assert clones(home) == ["newest", "run"]


def test_all_clones_stay_without_a_limit(home: Home) -> None:
    make_clone(home, "run", 30 * DAY)

    leftovers.clear(home, keep=None)

    assert clones(home) == ["run"]


def test_unfinished_files_go_after_a_day(home: Home) -> None:
    folder = home.remote / "files/md5/ab"
    (home.runs / ".run.1234.tmp").mkdir()
    folder.mkdir(parents=True)
    old, new, whole = (folder / name for name in ("x.tmp", "y.tmp", "cdef"))
    for path in (old, new, whole):
        path.touch()
    for path in (old, whole, home.runs / ".run.1234.tmp"):
        make_older(path, 2 * DAY)

    leftovers.clear(home, keep=None)

    assert sorted(folder.iterdir()) == [whole, new]
    assert list(home.runs.iterdir()) == []


def test_a_file_that_is_gone_when_it_is_looked_at_keeps_no_run_from_opening(home: Home) -> None:
    folder = home.remote / "files/md5/ab"
    folder.mkdir(parents=True)
    (folder / "x.tmp").symlink_to("gone")

    leftovers.clear(home, keep=None)


def test_a_clone_that_another_run_removed_first_keeps_no_run_from_opening(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_clone(home, "newest", 0)
    clone, lock_of = make_clone(home, "run", 30 * DAY), record.lock_of

    def removed_before_the_lock(home: Home, run_id: str) -> Path:
        shutil.rmtree(clone)
        return lock_of(home, run_id)

    monkeypatch.setattr(record, "lock_of", removed_before_the_lock)

    leftovers.clear(home, keep=1)

    assert clones(home) == ["newest"]
