"""A temporary home that sees the state and the remote of a real one, and shares nothing else.

Its DVC cache is empty and its own, so that nothing that a rebuild reads was made here before, and
nothing that it writes touches the home. A name says which process it belongs to: what a killed one
left behind, the next one removes.
"""

import re
import secrets
import shutil
import signal
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import psutil

from pipelines import processes, storage
from pipelines.home import Home
from pipelines.progress import log

MARK = "TANDEM_REPRODUCES_IN"
"""In the environment of every process of a rebuild: the temporary home that it works in."""
PREFIX = "tandem-reproduce-"
_NAME = re.compile(rf"{PREFIX}(\d+)-(\d+)-[0-9a-f]+")


@contextmanager
def scratch(home: Home) -> Iterator[Home]:
    """A temporary home beside nothing; it and all processes that work in it are gone afterwards.

    SIGTERM ends the block as Ctrl-C does.
    """
    folder = Path(tempfile.gettempdir())
    clear(folder)
    own = Home(folder / _own_name())
    before = signal.signal(signal.SIGTERM, _interrupt)
    try:
        with storage.translated(own.path):
            own.path.mkdir(mode=0o700)
            for real, seen in ((home.state_repo, own.state_repo), (home.remote, own.remote)):
                seen.symlink_to(real)
        yield own
    finally:
        _remove(own.path)
        signal.signal(signal.SIGTERM, before)


def clear(folder: Path) -> None:
    """Removes what rebuilds left behind whose process is gone, and ends what they started."""
    for left in folder.glob(f"{PREFIX}*"):
        found = _NAME.fullmatch(left.name)
        if found and not _lives(int(found[1]), int(found[2])) and left.owner() == _user():
            _remove(left)
            log(f"removed {left}, which a killed rebuild left behind")


def _remove(folder: Path) -> None:
    processes.end_all(lambda: processes.with_variables({MARK: str(folder)}))
    shutil.rmtree(folder, ignore_errors=True)


def _own_name() -> str:
    itself = psutil.Process()
    return f"{PREFIX}{itself.pid}-{_start(itself)}-{secrets.token_hex(4)}"


def _lives(pid: int, start: int) -> bool:
    """Whether the process that had this number then is the one that has it now."""
    process = processes.alive(pid)
    return process is not None and _start(process) == start


def _start(process: psutil.Process) -> int:
    """When a process started, in centiseconds since 1970: the kernel's own unit."""
    return int(process.create_time() * 100 + 0.5)


def _user() -> str:
    return str(psutil.Process().username())


def _interrupt(_: int, __: FrameType | None) -> None:
    raise KeyboardInterrupt
