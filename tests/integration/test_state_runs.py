"""Runs on a real state repository and a real DVC cache: open, step, commit."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import psutil
import pytest

from pipelines.errors import (
    AlreadyAccepted,
    CacheCorrupt,
    CloneDamaged,
    LockHeld,
    NothingToCommit,
    OutOfMemory,
    PartitionTaken,
    PushRejected,
    RemoteUnreachable,
    RunCommitted,
    RunRefused,
    StateDamaged,
    StateNewer,
)
from pipelines.state import clock, partitions, record, runs, settings
from pipelines.state.objects import Objects, output_of_add, outputs_of_lock
from tests.integration import small_state
from tests.integration.running import wait_until
from tests.integration.small_state import FAMILIES, SmallState, git
from tests.integration.whole_state import assert_whole

FIRST = "1998-03-02"


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallState]:
    yield from small_state.grown(tmp_path_factory.mktemp("grown"), FIRST)


@pytest.fixture
def small(grown: SmallState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallState:
    return small_state.copy_of(grown, tmp_path, monkeypatch)


def accepted_files(small: SmallState, commit: str = "main") -> list[str]:
    """Paths that the commit's data version of interactions holds."""
    pointer = small.state.show(commit, "data/interactions.dvc")
    assert pointer is not None
    return sorted(Objects(small.home).listing(output_of_add(pointer), "test"))


def test_an_ingestion_is_one_commit_with_its_tag_and_keeps_what_was_accepted_before(
    small: SmallState,
) -> None:
    done = small.ingested("second", "1998-03-09")

    assert done.tags == ["data/1998-03-09"]
    assert small.state.resolve("main") == small.state.resolve("data/1998-03-09") == done.commit
    assert small.state.resolve("main~1") == small.state.resolve(f"data/{FIRST}")
    assert accepted_files(small) == [
        f"dt={key}/{name}"
        for key in (FIRST, "1998-03-09")
        for name in ("manifest.json", "part-0.parquet")
    ]
    assert not (small.home.runs / f"second/data/interactions/dt={FIRST}").exists()
    said = small.state.git("log", "-1", "--format=%an <%ae>%n%B", "main")
    assert said.startswith("Tandem <tandem@localhost>\nAccept 1998-03-09\n")
    assert "\nTandem-Run: second\n" in said


def test_a_committed_run_is_not_committed_or_stepped_again(small: SmallState) -> None:
    done = small.ingested("only", "1998-03-09")
    run = record.find(small.home, "only")
    record.write(small.home, run.model_copy(update={"commit": None}))  # killed before the record

    again = runs.commit(small.home, "only")

    assert (again.commit, again.is_new) == (done.commit, False)
    assert small.state.resolve("main") == done.commit
    with pytest.raises(RunCommitted):
        runs.step(small.home, "only", "ingest", ["1998-03-16"])
    assert runs.open_run(small.home, "only").commit == done.commit


def test_of_two_ingestions_at_once_the_second_goes_on_top_and_loses_nothing(
    small: SmallState,
) -> None:
    small.accept("slow", "1998-03-09")
    small.ingested("quick", "1998-03-16")

    done = runs.commit(small.home, "slow")

    assert done.tags == ["data/1998-03-09"]
    assert small.state.resolve("main~1") == small.state.resolve("data/1998-03-16")
    assert len(accepted_files(small)) == 2 * 3
    reports = partitions.at(small.state, "main")
    numbers = {key: report.sequence for key, report in reports.items()}
    assert numbers == {FIRST: 1, "1998-03-16": 2, "1998-03-09": 3}
    newest = partitions.newest(list(reports.values()))
    assert newest is not None
    assert newest.tag == "data/1998-03-09"


def test_a_run_that_brings_the_same_rows_later_has_nothing_to_do(small: SmallState) -> None:
    small.accept("slow", "1998-03-09")
    small.accept("other", "1998-03-09", "22")
    small.ingested("quick", "1998-03-09")
    main = small.state.resolve("main")

    with pytest.raises(AlreadyAccepted):
        runs.commit(small.home, "slow")
    with pytest.raises(PartitionTaken):
        runs.commit(small.home, "other")

    assert small.state.resolve("main") == main


def test_an_amendment_is_a_new_data_version_of_its_key_and_moves_no_clock(
    small: SmallState,
) -> None:
    wall = datetime(2100, 1, 1, tzinfo=UTC)
    descriptor = settings.descriptor(small.home)
    before = clock.at(small.home, descriptor, partitions.at(small.state, "main"), wall)

    done = small.ingested("repair", FIRST, "22")

    reports = partitions.at(small.state, "main")
    assert clock.at(small.home, descriptor, reports, wall) == before
    assert done.tags == [f"data/{FIRST}.r2"]
    assert len(accepted_files(small)) == 2
    assert small.state.resolve(f"data/{FIRST}") == small.state.resolve("main~1")


def test_refused_or_idle_runs_leave_the_state_as_it_was(small: SmallState) -> None:
    main = small.state.resolve("main")
    runs.open_run(small.home, "refused")
    small.order("validate", "3")

    code = runs.step(small.home, "refused", "validate")

    assert code == 3
    with pytest.raises(RunRefused):
        runs.commit(small.home, "refused")
    runs.open_run(small.home, "idle")
    with pytest.raises(NothingToCommit):
        runs.commit(small.home, "idle")
    assert small.state.resolve("main") == main


def test_nothing_is_published_while_data_or_refs_cannot_be_pushed(small: SmallState) -> None:
    small.accept("run", "1998-03-09")
    main = small.state.resolve("main")
    away = small.home.remote.rename(small.home.path / "away")

    with pytest.raises(RemoteUnreachable):
        runs.commit(small.home, "run")

    away.rename(small.home.remote)
    hook = small.home.state_repo / "hooks/pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(PushRejected):
        runs.commit(small.home, "run")
    assert small.state.resolve("main") == main
    hook.unlink()
    assert runs.commit(small.home, "run").is_new
    assert small.state.resolve("main~1") == main


def test_a_training_whose_base_has_moved_goes_to_a_branch_of_its_own(small: SmallState) -> None:
    small.train("training")
    moved = small.ingested("second", "1998-03-09")

    done = runs.commit(small.home, "training")

    assert done.branch == "runs/training"
    assert small.state.resolve("main") == moved.commit
    assert small.state.resolve("runs/training") == done.commit
    lock = small.state.show(done.commit, "dvc.lock")
    assert lock is not None
    assert f"artifacts/{FAMILIES[0]}" in outputs_of_lock(lock)


def test_a_step_ends_with_the_code_of_its_verb_and_goes_on_where_it_was(
    small: SmallState,
) -> None:
    runs.open_run(small.home, "training")
    small.order("evaluate", "4")
    assert runs.step(small.home, "training", "evaluate") == 4
    small.order("evaluate", "-9")
    with pytest.raises(OutOfMemory):
        runs.step(small.home, "training", "evaluate")

    code = runs.step(small.home, "training", "evaluate")

    assert code == 0
    assert small.worked() == ["prepare", "train", "train", "train"]
    done = runs.commit(small.home, "training")
    assert small.state.git("log", "-1", "--format=%s", done.commit).strip() == (
        "Train, up to evaluate"
    )


def test_a_killed_step_runs_again_and_its_orphans_are_ended(small: SmallState) -> None:
    runs.open_run(small.home, "training")
    small.order("train", "hang")
    step = subprocess.Popen(
        [sys.executable, "-m", "pipelines", "run", "step", "training", "train"],
        cwd=small_state.REPOSITORY,
    )
    pid_file = small.home.path / "orders/pid"
    wait_until(pid_file.exists, "the stage at work", 60)
    with pytest.raises(LockHeld):
        runs.step(small.home, "training", "train")
    os.kill(step.pid, signal.SIGKILL)
    step.wait()
    orphan = psutil.Process(int(pid_file.read_text()))

    code = runs.step(small.home, "training", "train")

    assert code == 0
    assert not orphan.is_running() or orphan.status() == psutil.STATUS_ZOMBIE
    assert small.worked().count("prepare") == 1


def test_a_process_of_a_killed_step_that_does_not_end_keeps_the_run(
    small: SmallState, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs.open_run(small.home, "training")
    monkeypatch.setattr("pipelines.processes.end_all", lambda _: [psutil.Process()])

    with pytest.raises(LockHeld, match="does not end") as held:
        runs.step(small.home, "training", "prepare")

    assert held.value.where == (f"pid {os.getpid()}",)


def test_a_run_that_did_both_is_not_retried_once_main_has_moved(small: SmallState) -> None:
    small.accept("both", "1998-03-09")
    assert runs.step(small.home, "both", "prepare") == 0
    small.ingested("second", "1998-03-16")

    with pytest.raises(NothingToCommit, match="`main` has moved"):
        runs.commit(small.home, "both")


def test_stale_locks_are_repaired_and_a_living_holder_is_named(small: SmallState) -> None:
    run = runs.open_run(small.home, "training")
    lock = Path(run.path) / ".dvc/tmp/rwlock"
    lock.parent.mkdir(exist_ok=True)
    lock.write_bytes(b"")
    (Path(run.path) / ".git/index.lock").touch()

    assert runs.step(small.home, "training", "prepare") == 0

    with subprocess.Popen(["sleep", "60"], cwd=run.path) as holder:
        entry = '{"write": {"x": {"pid": %d, "cmd": "dvc"}}}'
        lock.write_text(entry % holder.pid)
        with pytest.raises(LockHeld, match=str(holder.pid)):
            runs.step(small.home, "training", "prepare")
        holder.kill()
    lock.write_text(entry % os.getpid())  # alive, but it does not stand in the clone
    assert runs.step(small.home, "training", "prepare") == 0


def test_damaged_data_come_from_the_remote_or_are_named(small: SmallState) -> None:
    pointer = small.state.show("main", "data/items.dvc")
    assert pointer is not None
    objects = Objects(small.home)
    files = objects.listing(output_of_add(pointer), "test")
    damaged = objects.path(files["dt=1998-03-02/part-0.parquet"])
    content = damaged.read_bytes()
    damaged.chmod(0o644)
    damaged.write_bytes(content.replace(b"1", b"7"))
    runs.open_run(small.home, "training")

    assert runs.step(small.home, "training", "prepare") == 0

    assert damaged.read_bytes() == content
    stored = small.home.remote / damaged.relative_to(small.home.cache)
    for copy in (damaged, stored):
        copy.chmod(0o644)
        copy.write_bytes(b"junk")
    runs.open_run(small.home, "another")
    with pytest.raises(CacheCorrupt, match="data/items/dt=1998-03-02/part-0"):
        runs.step(small.home, "another", "prepare")


def test_a_broken_clone_is_made_again_and_a_broken_state_is_said(small: SmallState) -> None:
    run = runs.open_run(small.home, "run")
    (Path(run.path) / ".git/HEAD").write_bytes(b"")

    again = runs.open_run(small.home, "run")

    assert (Path(again.path) / "params.yaml").exists()
    (small.home.state_repo / "refs/heads/main").write_bytes(b"")
    (small.home.state_repo / "packed-refs").unlink(missing_ok=True)
    with pytest.raises(StateDamaged):
        runs.open_run(small.home, "other")


def edit_params(small: SmallState, root: Path, old: str, new: str) -> None:
    """Commits another params.yaml to the state, as a person would."""
    git(root, "clone", "--quiet", str(small.home.state_repo), "edit")
    file = root / "edit/params.yaml"
    text = file.read_text()
    assert old in text
    file.write_text(text.replace(old, new))
    git(root / "edit", "commit", "--quiet", "--all", "--message=Edit")
    git(root / "edit", "push", "--quiet", "origin", "main")


def test_a_family_that_is_given_up_after_a_training_keeps_no_run_from_its_commit(
    small: SmallState, tmp_path: Path
) -> None:
    runs.open_run(small.home, "before")
    assert runs.step(small.home, "before", "train") == 0
    runs.commit(small.home, "before")
    edit_params(small, tmp_path, "families: [popularity, cf,", "families: [popularity,")
    runs.open_run(small.home, "after")
    assert runs.step(small.home, "after", "train") == 0

    done = runs.commit(small.home, "after")

    assert done.branch == "main"
    assert_whole(small)


def test_old_clones_make_room_for_a_new_run_and_come_back_when_they_are_opened(
    small: SmallState, tmp_path: Path
) -> None:
    done = small.ingested("old", "1998-03-09")
    edit_params(small, tmp_path, "keep_runs: 10", "keep_runs: 1")
    clone = small.home.runs / "old"
    for path in (clone, clone.with_name("old.json")):
        os.utime(path, (0, 0))

    runs.open_run(small.home, "new")

    assert not clone.exists()
    with pytest.raises(CloneDamaged) as gone:
        runs.step(small.home, "old", "register")
    assert "tandem run open old" in gone.value.hint
    assert runs.open_run(small.home, "old").commit == done.commit
    assert git(clone, "rev-parse", "HEAD") == done.commit


def test_a_record_of_a_newer_tandem_is_neither_read_nor_changed(small: SmallState) -> None:
    run = runs.open_run(small.home, "run")
    path = record.path_of(small.home, run.id)
    newer = path.read_text().replace('"schema": 1', '"schema": 2')
    path.write_text(newer)

    told = small.tandem("run", "step", "run", "prepare")

    assert told.returncode == StateNewer.exit_code == 5
    assert "error: a record has schema 2, this Tandem knows 1" in told.stderr
    assert "hint: use the Tandem that wrote it or a newer one" in told.stderr
    assert path.read_text() == newer


def test_stages_run_the_code_of_the_clone(small: SmallState, tmp_path: Path) -> None:
    run = runs.open_run(small.home, "training")
    model = Path(run.path) / "pipelines/models/popularity/model.py"
    model.write_text("a marker\n")
    os.environ["PYTHONPATH"] = str(tmp_path)

    try:
        assert runs.step(small.home, "training", "train") == 0
    finally:
        del os.environ["PYTHONPATH"]

    artifact = Path(run.path) / "artifacts/popularity/saved_model/saved_model.pb"
    assert artifact.read_text() == "a marker\n"
