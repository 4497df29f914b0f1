"""What Git and DVC said before they failed, where the disk is at fault and not they."""

import errno
import os
import resource
import shutil
import signal
from collections.abc import Sequence
from pathlib import Path

from pipelines import disk
from pipelines.errors import EnvironmentFault

TAIL_LINES = 5
NUMBERS = (
    errno.ENOSPC,
    errno.EDQUOT,
    errno.EFBIG,
    errno.EIO,
    errno.EROFS,
    errno.EACCES,
)
"""Faults that are told by the system's own words for them; the worst to confuse come first."""
GIT_NO_ACCESS = ("insufficient permission", "dubious ownership")
"""Git's own words for a folder of another user."""
SQLITE_FULL, SQLITE_FAILED = "database or disk is full", "disk I/O error"
"""Those of DVC's small databases: the second one also stands for the file size limit."""


def tail(text: str, lines: int = TAIL_LINES) -> list[str]:
    """The last lines that say something."""
    return [line.strip() for line in text.splitlines() if line.strip()][-lines:]


def disk_fault(said: str, code: int, folders: Sequence[Path]) -> EnvironmentFault | None:
    """The fault of the disk that a program died of; None if it was something else.

    Args:
        said: What it wrote.
        code: How it ended; negative for a signal. The kernel ends a program by SIGXFSZ at the file
            size limit, unless it asks not to be, as Python does.
        folders: Where it wrote; the one that is full or closed to this user is named.
    """
    number = errno.EFBIG if code == -signal.SIGXFSZ else _number(said)
    if number is None:
        return None
    fault = disk.fault(number, _place(number, folders))
    fault.where = (*fault.where, *tail(said))
    return fault


def _place(number: int, folders: Sequence[Path]) -> Path:
    there = [folder for folder in folders if folder.is_dir()] or list(folders[:1])
    if number == errno.ENOSPC and there[0].is_dir():
        return min(there, key=lambda folder: shutil.disk_usage(folder).free)
    closed = [folder for folder in there if not os.access(folder, os.W_OK)]
    return closed[0] if closed and number in disk.NO_ACCESS else there[0]


def _number(said: str) -> int | None:
    known = [number for number in NUMBERS if os.strerror(number) in said]
    if known:
        return known[0]
    if SQLITE_FULL in said:
        return errno.ENOSPC
    if SQLITE_FAILED in said:
        is_limited = resource.getrlimit(resource.RLIMIT_FSIZE)[0] != resource.RLIM_INFINITY
        return errno.EFBIG if is_limited else errno.EIO
    return errno.EACCES if any(words in said for words in GIT_NO_ACCESS) else None
