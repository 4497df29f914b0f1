"""SIGKILL at any moment: readers find old content or new, locks are free, the next run goes on."""

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn

import pytest

from pipelines import storage
from pipelines.errors import LockHeld, NotWritable, TandemError
from pipelines.home import Home
from tests.integration.killed_writer import NEW, WRITERS, found

NOBODY = 65_534
LONGEST_SECONDS = 0.06  # of one pair of writes, about
WHOLE = {"file": (["old"], ["new"]), "folder": (["old", "old"], ["new", "new"])}


def start(mode: str, what: str, folder: Path) -> "subprocess.Popen[str]":
    command = [sys.executable, "-m", "tests.integration.killed_writer", mode, what, str(folder)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def first_line(process: "subprocess.Popen[str]") -> dict[str, Any]:
    assert process.stdout is not None
    return dict(json.loads(process.stdout.readline()))


@pytest.mark.parametrize("what", WRITERS)
def test_a_writer_killed_at_each_of_its_operations_leaves_nothing_half_written(
    tmp_path: Path, what: str
) -> None:
    ended = start("each", what, tmp_path)
    lines = [json.loads(line) for line in ended.communicate(timeout=60)[0].splitlines()]

    killed = [line for line in lines if line["status"] == -signal.SIGKILL]
    assert len(killed) >= 6
    assert len(killed) == len(lines) - 1
    # Between two renames a folder is away, until the next writer comes; it is never there in part.
    allowed = [*WHOLE[what], *([[]] if what == "folder" else [])]
    assert [line["found"] for line in killed if line["found"] not in allowed] == []
    assert [line["next"] for line in killed if line["next"] not in WHOLE[what]] == []
    assert lines[-1]["found"] == WHOLE[what][1]


@pytest.mark.parametrize("what", WRITERS)
@pytest.mark.parametrize("seed", range(4))
def test_a_writer_killed_at_a_random_moment_leaves_content_that_the_next_one_replaces(
    tmp_path: Path, what: str, seed: int
) -> None:
    moment = random.Random(seed).uniform(0, LONGEST_SECONDS)
    writer = start("forever", what, tmp_path)
    first_line(writer)

    time.sleep(moment)  # the fault itself: nothing is waited for
    writer.kill()
    writer.wait()

    assert found(tmp_path / "target") in [*WHOLE[what], []]
    WRITERS[what](tmp_path, NEW)
    assert found(tmp_path / "target") == WHOLE[what][1]


def test_a_reader_never_sees_a_mix_while_a_writer_writes(tmp_path: Path) -> None:
    writer = start("forever", "file", tmp_path)
    first_line(writer)

    seen = [found(tmp_path / "target") for _ in range(300)]

    writer.kill()
    writer.wait()
    assert [content for content in seen if content not in (["old"], ["new"], [])] == []


@pytest.fixture
def holder(tmp_path: Path) -> Iterator[tuple["subprocess.Popen[str]", dict[str, Any]]]:
    process = start("lock", "-", tmp_path)
    line = first_line(process)
    yield process, line
    os.kill(line["child"], signal.SIGKILL)
    process.kill()
    process.wait()


def test_a_lock_held_by_a_living_process_is_refused_with_its_pid_and_verb(
    tmp_path: Path, holder: tuple["subprocess.Popen[str]", dict[str, Any]]
) -> None:
    with pytest.raises(LockHeld) as held:
        storage.lock(tmp_path / "lock", "rollback").__enter__()

    assert f"pid {holder[1]['pid']}, deploy" in held.value.render()


def test_a_lock_is_free_at_once_after_sigkill_though_a_child_of_the_holder_lives(
    tmp_path: Path, holder: tuple["subprocess.Popen[str]", dict[str, Any]]
) -> None:
    process, line = holder
    process.kill()
    process.wait()
    os.kill(line["child"], 0)  # it lives

    with storage.lock(tmp_path / "lock", "rollback"):
        assert "rollback" in (tmp_path / "lock").read_text()


# --- permissions: root ignores them, so they are tried as nobody


def as_nobody(action: Callable[[], object]) -> str:
    """The class of our error that the action raises in a child without rights."""
    reading, writing = os.pipe()
    child = os.fork()
    if child == 0:
        _report(action, writing)
    os.close(writing)
    with os.fdopen(reading) as pipe:
        text = pipe.read()
    os.waitpid(child, 0)
    return text


def _report(action: Callable[[], object], writing: int) -> NoReturn:
    name = "no error"
    try:
        os.setgid(NOBODY)
        os.setuid(NOBODY)
        action()
    except TandemError as error:
        name = type(error).__name__
    except BaseException as error:
        name = f"a bug: {error!r}"
    os.write(writing, name.encode())
    os._exit(0)


@pytest.fixture
def foreign(tmp_path: Path) -> Path:
    if os.geteuid() != 0:
        pytest.skip("another user's folder can only be made by root")
    for folder in (tmp_path.parent.parent, tmp_path.parent, tmp_path):  # pytest makes them 0700
        folder.chmod(0o755)
    return tmp_path


def test_a_folder_of_another_user_is_not_writable(foreign: Path) -> None:
    assert as_nobody(lambda: storage.write_atomic(foreign / "x", NEW)) == NotWritable.__name__
    assert as_nobody(lambda: Home(foreign / "home").ensure()) == NotWritable.__name__


def test_a_lock_of_another_user_is_not_writable(foreign: Path) -> None:
    (foreign / "lock").touch(mode=0o600)

    taken = as_nobody(lambda: storage.lock(foreign / "lock", "deploy").__enter__())

    assert taken == NotWritable.__name__
