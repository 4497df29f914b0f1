"""Runs that commit at the same moment: every effect is there once, on a chain of whole commits."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from pipelines.contracts.state import Committed
from pipelines.errors import RunCommitted
from pipelines.state import partitions, runs
from tests.integration import contender, small_state
from tests.integration.small_state import SmallState
from tests.integration.whole_state import assert_whole, commits_of, leftovers

FIRST = "1998-03-02"
KEYS = ("1998-03-09", "1998-03-16", "1998-03-23")


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallState]:
    yield from small_state.grown(tmp_path_factory.mktemp("grown"), FIRST)


@pytest.fixture
def small(grown: SmallState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallState:
    return small_state.copy_of(grown, tmp_path, monkeypatch)


def test_three_ingestions_at_once_are_a_chain_of_three_commits(small: SmallState) -> None:
    for key in KEYS:
        small.accept(key, key)
    base = small.state.resolve("main")

    told = contender.all_at_once(KEYS)

    assert [one.code for one in told] == [0, 0, 0], told
    assert sum(one.log.count(contender.REDONE) for one in told) >= 2
    chain = small.state.git("rev-list", "--first-parent", f"{base}..main").split()
    assert sorted(chain) == sorted(commit for key in KEYS for commit in commits_of(small, key))
    accepted = partitions.at(small.state, "main")
    assert sorted(accepted) == [FIRST, *KEYS]
    assert sorted(report.sequence or 0 for report in accepted.values()) == [1, 2, 3, 4]
    assert_whole(small)
    assert leftovers(small) == []


def test_an_ingestion_and_a_training_at_once_are_both_there(small: SmallState) -> None:
    small.train("training")
    small.accept("ingestion", KEYS[0])

    training, ingestion = contender.all_at_once(["training", "ingestion"])

    assert (training.code, ingestion.code, ingestion.branch) == (0, 0, "main")
    assert training.branch in ("main", "runs/training")
    assert small.state.show(training.branch, "reports/gate.json") is not None
    assert sorted(partitions.at(small.state, "main")) == [FIRST, KEYS[0]]
    assert [len(commits_of(small, run)) for run in ("training", "ingestion")] == [1, 1]
    assert_whole(small)


def test_a_redone_commit_still_names_its_airflow_run(small: SmallState) -> None:
    runs.open_run(small.home, "slow", "scheduled__2026-01-01T00:00:00+00:00")
    small.accept("slow", KEYS[0])
    small.ingested("quick", KEYS[1])

    done = runs.commit(small.home, "slow")

    message = small.state.git("log", "-1", "--format=%B", done.commit)
    assert "\nAirflow-Run: scheduled__2026-01-01T00:00:00+00:00\n" in message
    assert small.state.resolve(f"{done.commit}~1") == small.state.resolve(f"data/{KEYS[1]}")


def test_a_run_that_is_cleared_after_its_commit_changes_nothing(small: SmallState) -> None:
    first = small.ingested("run", KEYS[0])

    runs.open_run(small.home, "run")
    with pytest.raises(RunCommitted):
        runs.step(small.home, "run", "ingest", [KEYS[0], "22"])
    again = runs.commit(small.home, "run")

    assert again == Committed(**{**first.model_dump(by_alias=True), "is_new": False})
    assert small.state.resolve("main") == first.commit
    assert_whole(small)


def test_a_try_beside_a_try_of_the_same_run_is_refused_or_finds_its_commit(
    small: SmallState,
) -> None:
    small.accept("run", KEYS[0])

    told = contender.all_at_once(["run", "run"])

    codes = [one.code for one in told]
    assert 0 in codes
    assert all(one.code == 0 or "another process is at it: pid" in one.log for one in told)
    assert len(commits_of(small, "run")) == 1
    assert_whole(small)
