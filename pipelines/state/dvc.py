"""DVC by subprocess: its configuration in a clone, its commands, and the locks it leaves behind."""

import fcntl
import json
import os
import re
import subprocess
import sys
from collections import deque
from collections.abc import Mapping, Sequence
from pathlib import Path

import psutil

from pipelines import storage
from pipelines.errors import DvcFailed, EnvironmentFault, LockHeld
from pipelines.home import Home
from pipelines.progress import log
from pipelines.state.last_words import disk_fault, tail

TAIL_LINES = 40
NOT_INHERITED = ("PYTHONPATH", "PYTHONHOME", "PYTHONSAFEPATH", "DVC_STUDIO_TOKEN")
_CONFIG = """\
[core]
    remote = home
    site_cache_dir = "{scratch}"
[cache]
    dir = "{cache}"
    type = "reflink,copy"
['remote "home"']
    url = "{remote}"
"""
TMP = Path(".dvc/tmp")
KERNEL_LOCKS = ("lock", "rwlock.lock")
WAIT = "wait until it ends, then run the same again"
STORE = re.compile(r'^    (?:dir|url) = "(.*)"$', re.MULTILINE)
EXITED = re.compile(r"exited with (-?\d+)")


def configure(home: Home, clone: Path, final: Path | None = None) -> None:
    """Lets a clone use the home's cache and remote, by settings that Git does not see.

    Args:
        home: The home.
        clone: The clone's folder now.
        final: Where it will be moved to, if anywhere.
    """
    text = _CONFIG.format(
        cache=home.cache, remote=home.remote, scratch=(final or clone) / ".dvc" / "tmp" / "site"
    )
    storage.write_atomic(clone / ".dvc" / "config.local", text.encode())


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """For DVC and for verbs in a clone: its own code, this interpreter, nothing of Git's hooks."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if name not in NOT_INHERITED and not name.startswith("GIT_")
    }
    programs = str(Path(sys.executable).parent)
    kept["PATH"] = os.pathsep.join([programs, kept.get("PATH", os.defpath)])
    return kept | {"DVC_NO_ANALYTICS": "1"} | dict(extra or {})


def run(clone: Path, *words: str) -> str:
    """What a DVC command in a clone prints.

    Raises:
        DvcFailed: It ended with another code than 0.
        LockHeld: Another DVC process works in the clone.
        DiskFull, NotWritable, DiskError: The disk is at fault.
    """
    done = subprocess.run(
        [sys.executable, "-m", "dvc", *words],
        cwd=clone,
        env=environment(),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    if done.returncode != 0:
        raise failure(words, done.stdout.decode(errors="replace"), clone, done.returncode)
    return done.stdout.decode(errors="replace")


def stream(clone: Path, words: Sequence[str], extra: Mapping[str, str]) -> tuple[int, str]:
    """Runs a DVC command and passes all that it says on to stderr, line by line.

    Returns:
        Its exit code, and the end of what it said.
    """
    said: deque[str] = deque(maxlen=TAIL_LINES)
    with subprocess.Popen(
        [sys.executable, "-m", "dvc", *words],
        cwd=clone,
        env=environment({"PYTHONUNBUFFERED": "1", **extra}),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as process:
        for line in process.stdout or ():
            text = line.decode(errors="replace").rstrip()
            said.append(text)
            log(text)
    return process.returncode, "\n".join(said)


def stages(clone: Path) -> set[str]:
    """Names of the stages that the clone's `dvc.yaml` has now, such as `train@cf`."""
    return set(run(clone, "stage", "list", "--name-only").split())


def failure(words: Sequence[str], said: str, clone: Path, code: int) -> EnvironmentFault:
    """What a failed command means: a lock that is held, the disk, or DVC's own trouble."""
    lines = tail(said)
    if "is busy, it is being blocked" in said or "Unable to acquire lock" in said:
        return LockHeld("another DVC process works here", where=[str(clone), *lines])
    at_fault = disk_fault(said, code, [clone, *_stores(clone)])
    if at_fault is not None:
        return at_fault
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
    reason = errors[0].removeprefix("ERROR: ") if errors else "it said nothing"
    return DvcFailed(f"`dvc {words[0]}` failed: {reason}", where=[str(clone), *lines])


def exit_code_in(said: str) -> int | None:
    """The code of the stage's command that DVC reports; negative for a signal."""
    found = EXITED.findall(said)
    return int(found[-1]) if found else None


def stale_lock(clone: Path) -> Path | None:
    """The clone's table of DVC locks, if it is broken or names holders that are all gone."""
    path = clone / TMP / "rwlock"
    holders = _holders(path) if path.exists() else set()
    is_held = any(_stands_in(pid, clone) for pid in holders or ())
    return None if holders == set() or is_held else path


def repair_locks(clone: Path) -> None:
    """Removes what a killed DVC left of its locks; the caller has the clone for itself.

    An entry counts as alive only if its process runs and stands in this clone: process ids are
    used again. DVC's other lock files are kernel locks, which die with their holder.

    Raises:
        LockHeld: A living process holds one.
    """
    for name in KERNEL_LOCKS:
        _refuse_held(clone / TMP / name)
    path = clone / TMP / "rwlock"
    holders = _holders(path) if path.exists() else set()
    if holders == set():
        return
    for pid in sorted(holders or ()):
        if _stands_in(pid, clone):
            raise LockHeld(f"DVC works here already, in pid {pid}", where=[str(path)], hint=WAIT)
    path.unlink()
    log(f"removed {path}: no process holds a DVC lock here")


def _refuse_held(path: Path) -> None:
    try:
        with path.open("r+b") as file:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except FileNotFoundError:
        return
    except BlockingIOError as error:
        raise LockHeld(
            f"DVC works here already, in pid {path.read_text().strip() or 'unknown'}",
            where=[str(path)],
            hint=WAIT,
        ) from error


def _stores(clone: Path) -> list[Path]:
    """Cache and remote of the clone's home, as `configure` wrote them."""
    settings = clone / ".dvc" / "config.local"
    text = settings.read_text() if settings.exists() else ""
    return [Path(found) for found in STORE.findall(text)]


def _holders(path: Path) -> set[int] | None:
    """Process ids in a lock file; None if it cannot be read."""
    try:
        content = json.loads(path.read_bytes())
        writers = [entry["pid"] for entry in content.get("write", {}).values()]
        readers = [entry["pid"] for many in content.get("read", {}).values() for entry in many]
        return {int(pid) for pid in writers + readers}
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _stands_in(pid: int, clone: Path) -> bool:
    try:
        return Path(psutil.Process(pid).cwd()).is_relative_to(clone.resolve())
    except (psutil.Error, OSError):
        return False
