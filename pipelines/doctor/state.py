"""The state repository, the locks around it, and the clock that it was made by."""

import re
from collections.abc import Iterator
from pathlib import Path

from pipelines import processes, storage
from pipelines.contracts.doctor import Finding
from pipelines.doctor.findings import fail, ok, warn
from pipelines.errors import GitFailed, LockHeld, places
from pipelines.home import Home
from pipelines.progress import log
from pipelines.state import clock, dvc, record, settings, versions
from pipelines.state.clone import RESTORE
from pipelines.state.repository import Repository

CLOCK_GRACE_SECONDS = 300
KERNEL_LOCKS = Path("/proc/locks")
REPAIR = "run `tandem doctor --repair`: it removes lock files whose holder is gone"
_HELD = re.compile(r"FLOCK +\S+ +\S+ +(\d+) +\S+:(\d+) ")
_OWNER = re.compile(r"pid (\d+)")


def repository(name: str, home: Home, deep: bool) -> Finding:
    """Whether all that branches and tags need is there and, with `deep`, is itself."""
    state = Repository(home.state_repo)
    words = ("fsck", "--no-dangling", *(() if deep else ("--connectivity-only",)))
    try:
        state.git(*words)
    except GitFailed as error:
        hint = RESTORE.format(state=home.state_repo, runs=home.runs)
        return fail(name, f"{error.message} ({places(error.where)})", hint)
    n_commits = state.git("rev-list", "--count", "--all").strip()
    return ok(name, f"{n_commits} commits, {len(versions.names(state))} versions")


def locks(name: str, home: Home) -> Finding:
    """Which of our locks are held, and whether by those who took them."""
    held, taken, inherited = _held_files(), [], []
    for path in sorted(home.locks.glob("*.lock")):
        holder = held.get(path.stat().st_ino)
        if holder is None:
            continue
        owner = path.read_text(errors="replace").strip()
        taken.append(f"{path.stem} ({owner})")
        named = _OWNER.match(owner)
        if named and processes.alive(int(named[1])) is None:
            inherited.append(f"{path.stem} ({owner}, which is gone; a child of it holds the lock)")
    if inherited:
        return fail(name, places(inherited), f"find the child: `fuser {home.locks}/*`, and end it")
    return ok(name, f"held: {places(taken)}" if taken else "none is held")


def stale_locks(name: str, home: Home) -> Finding:
    """Lock files of Git and DVC that a killed process left."""
    stale = [str(path) for path in _stale(home)]
    if stale:
        return warn(name, f"without a holder: {places(stale)}", REPAIR)
    return ok(name, "none")


def repair(home: Home) -> list[str]:
    """Removes lock files of Git and DVC that nobody holds; where somebody works, all stay.

    Returns:
        The files that are gone.
    """
    stale = list(_stale(home))
    if stale:
        Repository(home.state_repo).clear_locks()
    for path in _clones(home) if stale else ():
        try:
            with storage.lock(record.lock_of(home, path.name), "doctor --repair"):
                Repository(path).clear_locks()
                dvc.repair_locks(path)
        except LockHeld as error:
            log(f"run {path.name} is left alone: {error.message}")
    return [str(path) for path in stale if not path.exists()]


def wall_clock(name: str, home: Home) -> Finding:
    """Whether the clock has gone back since the newest commit, and what the data set's shows."""
    newest = Repository(home.state_repo).git("log", "-1", "--branches", "--format=%ct")
    behind = int(newest) - storage.now_utc().timestamp()
    if behind > CLOCK_GRACE_SECONDS:
        detail = f"the clock is {behind / 60:.0f} minutes behind the newest commit"
        return warn(name, detail, "set it: ages and expiry go by it; order and keys do not")
    shown = clock.clock(home, settings.descriptor(home))
    return ok(name, f"{shown.mode}, now {shown.now or 'not begun'}")


def _stale(home: Home) -> Iterator[Path]:
    yield from Repository(home.state_repo).leftovers()
    for path in _clones(home):
        yield from Repository(path).leftovers()
        table = dvc.stale_lock(path)
        if table is not None:
            yield table


def _clones(home: Home) -> list[Path]:
    return sorted(path.parent for path in home.runs.glob("[!.]*/.git"))


def _held_files() -> dict[int, int]:
    """The process that took each kernel lock, by the inode of the file."""
    text = KERNEL_LOCKS.read_text() if KERNEL_LOCKS.exists() else ""
    return {int(inode): int(pid) for pid, inode in _HELD.findall(text)}
