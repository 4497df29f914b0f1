"""Faults of the state's runs: killed at any point, contended, cleared; each has its effect once."""

import os
import random
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipelines.home import Home
from pipelines.state import partitions, runs
from pipelines.state.commits import TRIES
from tests.integration import contender, killed_commits, small_state
from tests.integration.small_state import SmallState
from tests.integration.whole_state import assert_whole, commits_of, leftovers, published

FIRST, SECOND = "1998-03-02", "1998-03-09"
KEYS = ("1998-03-09", "1998-03-16", "1998-03-23", "1998-03-30", "1998-04-06")
ROUNDS = 20
STAGE_SECONDS = {"prepare": 1.5, "train": 3.0, "evaluate": 1.5, "refit": 1.5, "gate": 1.5}
"""How long each takes with all that is before and after it, about."""
KILLS_PER_STAGE = 10


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallState]:
    yield from small_state.grown(tmp_path_factory.mktemp("grown"), FIRST)


@pytest.fixture
def small(grown: SmallState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallState:
    return small_state.copy_of(grown, tmp_path, monkeypatch)


# --- 17: SIGKILL in each stage


@pytest.fixture(scope="module")
def undisturbed(grown: SmallState) -> bytes:
    """The dvc.lock of a training that nobody killed."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        monkeypatch.setenv("TANDEM_HOME", str(grown.home.path))
        grown.train("undisturbed")
    return (grown.home.runs / "undisturbed/dvc.lock").read_bytes()


@pytest.mark.fault(17, seeds=1)
def test_stages_killed_at_random_moments_end_with_the_lock_of_an_undisturbed_run(
    undisturbed: bytes, small: SmallState, seed: int
) -> None:
    moments = random.Random(seed)
    run = runs.open_run(small.home, "training")
    killed = 0
    for stage, seconds in STAGE_SECONDS.items():
        for _ in range(KILLS_PER_STAGE):
            killed += killed_step(run.id, stage, moments.uniform(0.3, seconds), moments.random())
        assert runs.step(small.home, run.id, stage) == 0
        assert runs.step(small.home, run.id, stage) == 0

    assert killed > len(STAGE_SECONDS) * KILLS_PER_STAGE / 2
    assert (Path(run.path) / "dvc.lock").read_bytes() == undisturbed
    assert runs.commit(small.home, run.id).branch == "main"
    assert_whole(small)
    assert leftovers(small, run.id) == []
    assert workers(small.home) == []


def killed_step(run_id: str, stage: str, seconds: float, share: float) -> bool:
    """Starts a stage and kills it then: all of its processes, or the wrapper alone."""
    command = [sys.executable, "-m", "pipelines", "run", "step", run_id, stage]
    step = subprocess.Popen(
        command, cwd=small_state.REPOSITORY, stderr=subprocess.DEVNULL, start_new_session=True
    )
    try:
        step.wait(seconds)
        return False
    except subprocess.TimeoutExpired:
        if share < 0.5:
            os.killpg(step.pid, signal.SIGKILL)
        step.kill()
        step.wait()
        return True


def workers(home: Home) -> list[psutil.Process]:
    """Processes that still work for a run of the home."""
    found = []
    for process in psutil.process_iter():
        try:
            variables = process.environ()
        except (psutil.Error, OSError):
            continue
        if "TANDEM_AT_WORK" in variables and variables.get("TANDEM_HOME") == str(home.path):
            found.append(process)
    return found


# --- 22: another run wins


@pytest.mark.fault(22)
def test_two_ingestions_at_once_are_both_there_each_time(small: SmallState) -> None:
    redone = 0
    for number in range(ROUNDS):
        keys = [f"{2000 + number}-01-{day}" for day in ("03", "10")]
        for key in keys:
            small.accept(key, key)

        told = contender.all_at_once(keys)

        assert [one.code for one in told] == [0, 0], told
        assert [len(commits_of(small, key)) for key in keys] == [1, 1]
        redone += sum(contender.REDONE in one.log for one in told)
    assert redone == ROUNDS  # the later one of each round went on top of the other
    assert len(partitions.at(small.state, "main")) == 1 + 2 * ROUNDS
    assert len(small.state.git("rev-list", "--first-parent", "main").split()) == 2 + 2 * ROUNDS
    assert_whole(small)
    assert leftovers(small) == []


@pytest.mark.fault(22)
def test_as_many_ingestions_as_there_are_tries_all_get_through_at_once(small: SmallState) -> None:
    assert len(KEYS) == TRIES
    for key in KEYS:
        small.accept(key, key)

    told = contender.all_at_once(KEYS)

    assert [one.code for one in told] == [0] * TRIES, told
    assert sum(one.log.count(contender.REDONE) for one in told) >= TRIES - 1
    assert sorted(partitions.at(small.state, "main")) == [FIRST, *KEYS]
    assert_whole(small)


# --- 23: run commit killed


@pytest.mark.fault(23)
def test_a_commit_killed_at_each_write_is_published_once(small: SmallState) -> None:
    small.accept("run", SECOND)

    kills = killed_commits.until_it_succeeds(small, "run", step=1)

    assert kills.points > 100
    assert kills.after_publishing >= 1
    assert leftovers(small, "run") == []


@pytest.mark.fault(23)
def test_a_redone_commit_killed_at_each_fifth_write_is_published_once(small: SmallState) -> None:
    small.accept("run", SECOND)
    small.ingested("other", KEYS[1])

    kills = killed_commits.until_it_succeeds(small, "run", step=5)

    assert kills.points > 20
    assert sorted(partitions.at(small.state, "main")) == [FIRST, SECOND, KEYS[1]]


@pytest.mark.fault(23)
def test_a_commit_killed_once_at_any_write_is_finished_by_the_next_try(small: SmallState) -> None:
    for number, key in enumerate(KEYS):
        small.accept(key, key)
        killed_commits.at(small, key, point=20 + 37 * number)

        assert runs.commit(small.home, key).tags == [f"data/{key}"]

        assert len(commits_of(small, key)) == 1
        assert_whole(small)


# --- 51: cleared and run again


@pytest.mark.fault(51)
def test_a_run_that_is_cleared_and_run_again_has_its_effect_once(small: SmallState) -> None:
    tasks = (("open", "run"), ("step", "run", "ingest", SECOND), ("step", "run", "validate"))
    first = [small.tandem("run", *words).returncode for words in (*tasks, ("commit", "run"))]
    once = published(small)

    again = [small.tandem("run", *words).returncode for words in (*tasks, ("commit", "run"))]

    assert (first, again) == ([0, 0, 0, 0], [0, 99, 99, 0])
    assert published(small) == once
    assert len(commits_of(small, "run")) == 1


@pytest.mark.fault(51)
def test_a_backfill_beside_the_schedule_and_a_training_all_have_their_effect(
    small: SmallState,
) -> None:
    small.accept("schedule", KEYS[4])
    small.accept("backfill", KEYS[0])
    small.train("training")

    told = contender.all_at_once(["schedule", "backfill", "training"])

    assert [one.code for one in told] == [0, 0, 0], told
    names = ("schedule", "backfill", "training")
    assert [len(commits_of(small, name)) for name in names] == [1, 1, 1]
    assert sorted(partitions.at(small.state, "main")) == [FIRST, KEYS[0], KEYS[4]]
    assert_whole(small)
