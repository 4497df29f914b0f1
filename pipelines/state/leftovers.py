"""What runs leave behind: old clones, and files that a killed program never finished."""

import shutil
import time
from contextlib import suppress
from pathlib import Path

from pipelines import storage
from pipelines.errors import LockHeld, TandemError
from pipelines.home import Home
from pipelines.progress import log
from pipelines.state import record

DAY_SECONDS = 86_400.0
ABANDONED_SECONDS = 7 * DAY_SECONDS
"""A run that was not committed counts as open for that long after its last step."""
UNFINISHED = "*.tmp"
"""What DVC, and we, call a file that is still being written."""


def clear(home: Home, keep: int | None) -> None:
    """Removes what nobody comes back for; a run's record stays, and can make its clone again.

    Args:
        home: The home.
        keep: How many clones stay: the newest; None = all. Those of open runs and of the last day
            stay, too.
    """
    newest_first = sorted(_clones(home), key=_touched, reverse=True)
    for path in newest_first[keep:] if keep is not None else ():
        if _age(path) > _patience(home, path.name):
            _remove(home, path)
    for path in (*home.runs.glob(".*" + storage.TEMPORARY), *_unfinished(home)):
        if _age(path) > DAY_SECONDS:
            _delete(path)


def _clones(home: Home) -> list[Path]:
    return [path for path in home.runs.iterdir() if path.is_dir() and path.name[0] != "."]


def _remove(home: Home, path: Path) -> None:
    try:
        with storage.lock(record.lock_of(home, path.name), "run open"):
            if not path.is_dir():  # another `run open` was first
                return
            log(f"removed the clone of run {path.name}: {path}")
            # renamed first: half a clone must not pass for one
            _delete(path.rename(storage.staging_folder(path)))
    except LockHeld:
        return


def _delete(path: Path) -> None:
    """What cannot be deleted stays for the next time: it must not keep a run from opening."""
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    else:
        with suppress(OSError):
            path.unlink()


def _patience(home: Home, run_id: str) -> float:
    """How long a clone stays untouched before it may go, seconds."""
    try:
        is_committed = record.find(home, run_id).commit is not None
    except TandemError:  # no record, or none that we can read: nobody works there
        is_committed = True
    return DAY_SECONDS if is_committed else ABANDONED_SECONDS


def _touched(path: Path) -> float:
    """When a step began or ended in the clone, or it was made, seconds since 1970.

    Now, if it is gone: another run has finished it or removed it since it was listed.
    """
    instants = []
    for file in (path, path.with_name(f"{path.name}.json")):
        with suppress(FileNotFoundError):
            instants.append(file.stat().st_mtime)
    return max(instants, default=time.time())


def _age(path: Path) -> float:
    return time.time() - _touched(path)


def _unfinished(home: Home) -> list[Path]:
    stores = (home.cache / "files" / "md5", home.remote / "files" / "md5")
    return [path for store in stores for path in store.glob(f"*/{UNFINISHED}")]
