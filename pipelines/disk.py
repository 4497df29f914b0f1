"""What the disk says no to: its errors in our words, and room that is asked for beforehand."""

import errno
import os
import pwd
import resource
import shutil
import stat
from pathlib import Path

from pipelines.errors import DiskError, DiskFull, EnvironmentFault, NotWritable

NO_ACCESS = (errno.EACCES, errno.EPERM, errno.EROFS)


def fault(number: int, path: Path) -> EnvironmentFault:
    """What a failed write means for a person: the disk, a limit, or a missing right.

    Args:
        number: The system's error number.
        path: What was to be written.
    """
    place = str(path)
    if number == errno.ENOSPC:
        return DiskFull("no space left to write", where=[place], hint=_free_hint(path))
    if number == errno.EDQUOT:
        hint = "raise the quota or delete files of this user, then run the same again"
        return DiskFull("the disk quota of this user is used up", where=[place], hint=hint)
    if number == errno.EFBIG:
        limit = resource.getrlimit(resource.RLIMIT_FSIZE)[0]
        size = f" of {limit / 1e6:.1f} MB" if limit != resource.RLIM_INFINITY else ""
        hint = "raise it (`ulimit -f unlimited`), then run the same again"
        return DiskFull(f"a file would exceed the file size limit{size}", where=[place], hint=hint)
    if number in NO_ACCESS:
        return NotWritable(
            f"this user may not write here: {os.strerror(number)}",
            where=[place],
            hint=f"{owner(path)}; this is {_user(os.geteuid())}: run as its owner, or change it",
        )
    return DiskError(
        f"a write failed: {os.strerror(number)}",
        where=[place],
        hint="nothing that was written in this try counts; check the disk, then run the same again",
    )


def require_space(path: Path, needed: int, what: str) -> None:
    """Refuses to begin what the disk cannot hold.

    Args:
        path: A folder on that disk; it need not exist yet.
        needed: Bytes.
        what: What takes them, for the message.

    Raises:
        DiskFull: Less is free; needed and free are named.
    """
    free = shutil.disk_usage(_existing(path / "-")).free
    if needed > free:
        raise DiskFull(
            f"{what} needs {needed / 1e6:.1f} MB, {free / 1e6:.1f} MB are free",
            where=[str(path)],
            hint="free some space, then run the same again; nothing was begun",
        )


def _free_hint(path: Path) -> str:
    free = shutil.disk_usage(_existing(path)).free
    return f"{free / 1e6:.0f} MB are free there; free some space and run the same again"


def owner(path: Path) -> str:
    """Whose the nearest folder or file is that exists, and with which mode."""
    found = path if _is_there(path) else _existing(path)
    facts = found.stat()
    return f"{found} belongs to {_user(facts.st_uid)}, mode {stat.S_IMODE(facts.st_mode):04o}"


def _user(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"uid {uid}"


def _existing(path: Path) -> Path:
    return next(folder for folder in path.absolute().parents if _is_there(folder))


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except PermissionError:
        return False
