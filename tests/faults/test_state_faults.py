"""Faults of the state's files: locks left behind, objects damaged; repaired, or named."""

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from pipelines.errors import CacheCorrupt, CloneDamaged, LockHeld, StateDamaged
from pipelines.state import dvc, runs
from pipelines.state.objects import Objects, output_of_add, outputs_of_lock
from tests.integration import small_state
from tests.integration.running import wait_until
from tests.integration.small_state import SmallState
from tests.integration.whole_state import assert_whole, leftovers, published

FIRST, SECOND = "1998-03-02", "1998-03-09"


@pytest.fixture(scope="module")
def grown(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SmallState]:
    yield from small_state.grown(tmp_path_factory.mktemp("grown"), FIRST)


@pytest.fixture
def small(grown: SmallState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallState:
    return small_state.copy_of(grown, tmp_path, monkeypatch)


# --- 18: locks of DVC


def rwlock(pid: int) -> bytes:
    """DVC's table of locks with one entry of a process."""
    return json.dumps({"write": {"/x": {"pid": pid, "cmd": "dvc repro"}}}).encode()


def dead_pid() -> int:
    process = subprocess.Popen(["true"])
    process.wait()
    return process.pid


@pytest.mark.fault(18)
@pytest.mark.parametrize(
    ("name", "holder"),
    [
        ("rwlock", "nobody"),
        ("rwlock", "dead"),
        ("rwlock", "reused"),
        ("lock", "reused"),
        ("rwlock.lock", "nobody"),
    ],
)
def test_a_lock_of_dvc_without_a_living_holder_is_repaired(
    small: SmallState, name: str, holder: str
) -> None:
    run = runs.open_run(small.home, "training")
    pid = {"nobody": 0, "dead": dead_pid(), "reused": os.getpid()}[holder]
    entry = rwlock(pid) if name == "rwlock" else f" {pid}\n".encode()
    path = Path(run.path) / ".dvc/tmp" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(entry if pid else b"")

    assert runs.step(small.home, "training", "prepare") == 0


@pytest.mark.fault(18)
def test_a_living_dvc_in_the_clone_is_named(small: SmallState) -> None:
    run = runs.open_run(small.home, "training")
    assert runs.step(small.home, "training", "prepare") == 0
    small.order("prepare", "hang")
    environment = dvc.environment({"TANDEM_HOME": str(small.home.path)})
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", "repro", "--force", "prepare"],
        cwd=run.path,
        env=environment,
    ) as holder:
        pid_file = small.home.path / "orders/pid"
        wait_until(pid_file.exists, "the stage at work", 60)

        told = small.tandem("run", "step", "training", "prepare", "--json")

        psutil.Process(int(pid_file.read_text())).kill()
    assert (told.returncode, "Traceback" in told.stderr) == (LockHeld.exit_code, False)
    assert f"error: DVC works here already, in pid {holder.pid}" in told.stderr
    assert "hint: wait until it ends" in told.stderr
    assert runs.step(small.home, "training", "prepare") == 0


# --- 19 and 20: objects of the cache


def flip(path: Path) -> None:
    """Changes one byte; size, mode and time of the change stay."""
    facts, content = path.stat(), bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.chmod(0o644)
    path.write_bytes(content)
    path.chmod(facts.st_mode)
    os.utime(path, ns=(facts.st_atime_ns, facts.st_mtime_ns))


def object_of(small: SmallState, what: str) -> Path:
    """A cached object of accepted data (a file, or the folder's listing) or of an artifact."""
    objects = Objects(small.home)
    pointer = small.state.show("main", "data/items.dvc")
    lock = small.state.show("main", "dvc.lock")
    assert pointer is not None
    listing = output_of_add(pointer)
    if what == "listing":
        return objects.path(listing)
    if what == "data":
        return objects.path(objects.listing(listing, what)[f"dt={FIRST}/part-0.parquet"])
    assert lock is not None
    return objects.path(outputs_of_lock(lock)["artifacts/cf"].md5)


@pytest.fixture(scope="module")
def grown_and_trained(
    grown: SmallState, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[SmallState]:
    """With a committed training, too, so that `main` names artifacts."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        copied = small_state.copy_of(grown, tmp_path_factory.mktemp("trained"), monkeypatch)
        copied.train("earlier")
        runs.commit(copied.home, "earlier")
        yield copied


@pytest.fixture
def trained(
    grown_and_trained: SmallState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> SmallState:
    return small_state.copy_of(grown_and_trained, tmp_path, monkeypatch)


@pytest.mark.parametrize(
    ("what", "harm"),
    [
        pytest.param("data", flip, marks=pytest.mark.fault(19), id="data-flipped"),
        pytest.param("artifact", flip, marks=pytest.mark.fault(19), id="artifact-flipped"),
        pytest.param("listing", Path.unlink, marks=pytest.mark.fault(20), id="listing-missing"),
        pytest.param("data", Path.unlink, marks=pytest.mark.fault(20), id="data-missing"),
    ],
)
def test_an_object_that_is_not_whole_is_found_before_use_and_fetched(
    trained: SmallState, what: str, harm: Callable[[Path], None]
) -> None:
    damaged = object_of(trained, what)
    content = damaged.read_bytes()
    harm(damaged)

    trained.train("next")

    assert damaged.read_bytes() == content
    lock = (trained.home.runs / "next/dvc.lock").read_bytes()
    assert lock == trained.state.show("main", "dvc.lock")


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param(flip, marks=pytest.mark.fault(19), id="flipped"),
        pytest.param(Path.unlink, marks=pytest.mark.fault(20), id="missing"),
    ],
)
def test_an_object_that_is_whole_nowhere_is_named_with_its_owner(
    trained: SmallState, tmp_path: Path, harm: Callable[[Path], None]
) -> None:
    for what in ("data", "artifact"):
        damaged = object_of(trained, what)
        harm(damaged)
        harm(trained.home.remote / damaged.relative_to(trained.home.cache))
    runs.open_run(trained.home, "next")

    told = trained.tandem("run", "step", "next", "prepare")
    looked = trained.tandem("checkout", str(tmp_path / "look"))

    assert (told.returncode, "Traceback" in told.stderr) == (CacheCorrupt.exit_code, False)
    assert f"of data/items/dt={FIRST}/part-0.parquet is missing or damaged" in told.stderr
    assert looked.returncode == CacheCorrupt.exit_code


@pytest.mark.fault(20)
def test_an_object_that_the_remote_has_lost_is_pushed_again(small: SmallState) -> None:
    lost = small.home.remote / object_of(small, "data").relative_to(small.home.cache)
    lost.unlink()

    small.ingested("next", SECOND)

    assert lost.is_file()
    assert_whole(small)


@pytest.mark.fault(19)
def test_an_artifact_that_is_whole_nowhere_is_made_again_by_its_stage(trained: SmallState) -> None:
    damaged = object_of(trained, "artifact")
    flip(damaged)
    flip(trained.home.remote / damaged.relative_to(trained.home.cache))
    done = trained.worked().count("train")

    trained.train("next")

    assert trained.worked().count("train") == done + 1


# --- 24: Git is broken


@pytest.mark.fault(24)
@pytest.mark.parametrize("where", ["clone", "state"])
def test_locks_that_git_left_are_removed(small: SmallState, where: str) -> None:
    small.accept("run", SECOND)
    folder = small.home.state_repo if where == "state" else small.home.runs / "run/.git"
    names = ("index.lock", "HEAD.lock", "packed-refs.lock", "config.lock", "refs/heads/main.lock")
    for name in names:
        (folder / name).touch()
    (small.home.state_repo / f"refs/tags/data/{SECOND}.lock").touch()

    assert runs.commit(small.home, "run").branch == "main"

    assert leftovers(small, "run") == []
    assert_whole(small)


@pytest.mark.fault(24)
@pytest.mark.parametrize("where", ["clone", "state"])
def test_a_git_that_lives_and_holds_a_lock_is_named(small: SmallState, where: str) -> None:
    small.accept("run", SECOND)
    before = published(small)
    folder = small.home.state_repo if where == "state" else small.home.runs / "run/.git"
    lock = folder / "refs/heads/main.lock"
    lock.touch()
    with subprocess.Popen(
        ["git", "cat-file", "--batch"], cwd=folder, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL
    ) as holder:
        told = small.tandem("run", "commit", "run")
        holder.kill()

    assert (told.returncode, "Traceback" in told.stderr) == (LockHeld.exit_code, False)
    assert f"error: Git is at work here: pid {holder.pid}, `git cat-file --batch`" in told.stderr
    assert "hint: wait until it ends" in told.stderr
    assert published(small) == before
    assert runs.commit(small.home, "run").is_new


def head_object(repository: Path) -> Path:
    """The file of the commit that HEAD names, loose."""
    git = small_state.git
    name = git(repository, "rev-parse", "HEAD")
    path = Path(git(repository, "rev-parse", "--git-path", f"objects/{name[:2]}/{name[2:]}"))
    return repository / path


@pytest.mark.fault(24)
@pytest.mark.parametrize("what", ["object", "HEAD", "index"])
def test_a_broken_clone_is_said_and_cloned_again(small: SmallState, what: str) -> None:
    small.accept("run", SECOND)
    clone = small.home.runs / "run"
    path = head_object(clone) if what == "object" else clone / ".git" / what
    path.chmod(0o644)
    path.write_bytes(b"" if what != "index" else b"DIRC")

    told = small.tandem("run", "commit", "run")

    assert (told.returncode, "Traceback" in told.stderr) == (CloneDamaged.exit_code, False)
    assert "hint: `tandem run open run` makes it again" in told.stderr
    small.accept("run", SECOND)
    assert runs.commit(small.home, "run").is_new
    assert_whole(small)


@pytest.mark.fault(24)
@pytest.mark.parametrize("what", ["object", "ref"])
def test_a_broken_state_is_said_with_the_way_to_restore_it(small: SmallState, what: str) -> None:
    small.accept("run", SECOND)
    bare = small.home.state_repo
    broken = head_object(bare) if what == "object" else bare / "refs/heads/main"
    content = broken.read_bytes()
    broken.chmod(0o644)
    broken.write_bytes(b"")

    told = [small.tandem(*words) for words in (("run", "open", "x"), ("run", "commit", "run"))]

    for one in told:
        assert (one.returncode, "Traceback" in one.stderr) == (StateDamaged.exit_code, False)
        assert "error: the state repository cannot be read" in one.stderr
        assert "git push --mirror" in one.stderr
    broken.write_bytes(content)
    assert runs.commit(small.home, "run").is_new
