"""DVC by subprocess: its configuration in a clone, its commands, and the locks it leaves behind."""

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
from pipelines.errors import DiskFull, DvcFailed, EnvironmentFault, LockHeld
from pipelines.home import Home
from pipelines.progress import log
from pipelines.state.repository import tail

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


def run(clone: Path, *words: str) -> None:
    """Runs a DVC command in a clone.

    Raises:
        DvcFailed: It ended with another code than 0.
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
        raise failure(words, done.stdout.decode(errors="replace"), clone)


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


def failure(words: Sequence[str], said: str, clone: Path) -> EnvironmentFault:
    """What a failed command means: a lock that is held, a full disk, or DVC's own trouble."""
    lines = tail(said)
    if "is busy, it is being blocked" in said or "Unable to acquire lock" in said:
        return LockHeld("another DVC process works here", where=[str(clone), *lines])
    if "No space left" in said or "Disk quota exceeded" in said:
        return DiskFull("no space left for DVC", where=[str(clone), *lines])
    errors = [line for line in lines if line.startswith("ERROR")] or lines[-1:]
    reason = errors[0].removeprefix("ERROR: ") if errors else "it said nothing"
    return DvcFailed(f"`dvc {words[0]}` failed: {reason}", where=[str(clone), *lines])


def exit_code_in(said: str) -> int | None:
    """The code of the stage's command that DVC reports; negative for a signal."""
    found = EXITED.findall(said)
    return int(found[-1]) if found else None


def repair_locks(clone: Path) -> None:
    """Removes what a killed DVC left of its locks; the caller has the clone for itself.

    An entry counts as alive only if its process runs and stands in this clone: process ids are
    used again.

    Raises:
        LockHeld: A living process holds one.
    """
    path = clone / ".dvc" / "tmp" / "rwlock"
    holders = _holders(path) if path.exists() else set()
    if holders == set():
        return
    for pid in sorted(holders or ()):
        if _stands_in(pid, clone):
            raise LockHeld(f"DVC works here already, in pid {pid}", where=[str(path)])
    path.unlink()
    log(f"removed {path}: no process holds a DVC lock here")


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
