"""What must hold of the state after any fault: nothing half-published, nothing left behind."""

import hashlib
import json
import subprocess
from pathlib import Path

from pipelines.home import Home
from pipelines.state.objects import md5_of, output_of_add, outputs_of_lock
from pipelines.state.repository import Repository
from tests.integration.small_state import SmallState

TABLES = ("interactions", "items", "users")
LEFT = ("*.lock", "*.tmp", "tmp_obj_*", "tmp_pack_*", "tmp_objdir-*")
"""Names of what Git, DVC or we have begun and not finished."""


def assert_whole(small: SmallState) -> None:
    """Git is sound, and all that a tag or a branch names lies in the remote with its own digest."""
    checked = subprocess.run(
        ["git", "fsck", "--strict", "--no-dangling"],
        cwd=small.home.state_repo,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (checked.returncode, checked.stdout + checked.stderr) == (0, "")
    assert damaged(small.home) == []


def damaged(home: Home) -> list[str]:
    """Objects of any ref that the remote lacks or has with other content."""
    state = Repository(home.state_repo)
    refs = state.git("for-each-ref", "--format=%(refname)", "refs/tags", "refs/heads").split()
    return [f"{ref}: {name}" for ref in refs for name in _damaged_at(home, state, ref)]


def published(small: SmallState) -> dict[str, str]:
    """Commit by ref: branches and data tags."""
    listed = small.state.git("for-each-ref", "--format=%(refname) %(objectname)")
    return dict(line.split() for line in listed.splitlines())


def commits_of(small: SmallState, run_id: str) -> list[str]:
    """Commits of the state that name the run."""
    words = ("log", "--branches", "--format=%H", f"--grep=^Tandem-Run: {run_id}$")
    return small.state.git(*words).split()


def leftovers(small: SmallState, run_id: str | None = None) -> list[Path]:
    """Unfinished files of the state, the stores, the runs' folder, and of a run's clone."""
    home = small.home
    folders = [home.state_repo, home.cache, home.remote]
    folders += [home.runs / run_id / ".git"] if run_id else []
    found = [path for folder in folders for name in LEFT for path in folder.rglob(name)]
    return found + [path for name in LEFT for path in home.runs.glob(name)]


def contents(folder: Path) -> dict[str, tuple[int, int, str]]:
    """Time, mode and digest of every file of a home, and the mode of every folder."""
    return {
        path.relative_to(folder).as_posix(): (
            path.lstat().st_mtime_ns if path.is_file() else 0,
            path.lstat().st_mode,
            hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "",
        )
        for path in folder.rglob("*")
    }


def _damaged_at(home: Home, state: Repository, ref: str) -> list[str]:
    names: list[str] = []
    for table in TABLES:
        pointer = state.show(ref, f"data/{table}.dvc")
        names += _damaged_below(home, output_of_add(pointer)) if pointer else []
    lock = state.show(ref, "dvc.lock")
    for path, (md5, _) in outputs_of_lock(lock).items() if lock else ():
        names += [] if state.show(ref, path) else _damaged_below(home, md5)
    return names


def _damaged_below(home: Home, md5: str) -> list[str]:
    listing = _place(home, md5)
    if not _is_whole(listing, md5):
        return [md5]
    if not md5.endswith(".dir"):
        return []
    files = [entry["md5"] for entry in json.loads(listing.read_bytes())]
    return [name for name in files if not _is_whole(_place(home, name), name)]


def _place(home: Home, md5: str) -> Path:
    return home.remote / "files/md5" / md5[:2] / md5[2:]


def _is_whole(path: Path, md5: str) -> bool:
    return path.is_file() and md5_of(path) == md5.removesuffix(".dir")
