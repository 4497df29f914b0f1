"""`run commit` killed at its writes: published once and whole, whatever point it was."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.state import partitions
from tests.integration import killed_commits, small_state
from tests.integration.small_state import SmallState
from tests.integration.whole_state import leftovers

STEP = 23
"""Every how manyth write is tried here; tests/faults tries each one."""


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallState]:
    yield from small_state.grown(tmp_path_factory.mktemp("grown"), "1998-03-02")


@pytest.fixture
def small(grown: SmallState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallState:
    return small_state.copy_of(grown, tmp_path, monkeypatch)


def test_a_commit_killed_at_many_of_its_writes_is_published_once(small: SmallState) -> None:
    small.accept("run", "1998-03-09")

    kills = killed_commits.until_it_succeeds(small, "run", STEP)

    assert kills.points >= 5
    assert leftovers(small, "run") == []


def test_a_redone_commit_killed_at_many_of_its_writes_is_published_once(small: SmallState) -> None:
    small.accept("run", "1998-03-09")
    other = small.ingested("other", "1998-03-16")

    kills = killed_commits.until_it_succeeds(small, "run", STEP)

    assert kills.points >= 5
    assert small.state.resolve("main~1") == other.commit
    assert sorted(partitions.at(small.state, "main")) == ["1998-03-02", "1998-03-09", "1998-03-16"]
