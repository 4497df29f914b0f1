"""A writer that tests kill: by itself at each of its operations, or from outside at any moment.

Run as `python -m tests.integration.killed_writer MODE FOLDER`; each line on stdout is one JSON.
"""

import json
import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines import storage

SIZE = 1 << 20
OLD, NEW = b"o" * SIZE, b"n" * SIZE
WRITING = ("open", "fdopen", "fchmod", "fsync", "replace", "rename", "link", "unlink", "mkdir")


def write_file(folder: Path, content: bytes) -> None:
    """One file, replaced."""
    storage.write_atomic(folder / "target", content)


def write_folder(folder: Path, content: bytes) -> None:
    """A folder of two files, replaced."""
    staging = storage.staging_folder(folder / "target")
    (staging / "one").write_bytes(content)
    (staging / "two").write_bytes(content)
    storage.replace_folder(staging, folder / "target")


WRITERS = {"file": write_file, "folder": write_folder}


def die_at(operation: int) -> None:
    """Lets this process kill itself at its n-th operation from now."""
    left = operation

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*args: Any, **kwargs: Any) -> Any:
            nonlocal left
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)
            return real(*args, **kwargs)

        return call

    for name in WRITING:
        setattr(os, name, counted(getattr(os, name)))


def at_each_operation(folder: Path, write: Callable[[Path, bytes], None]) -> None:
    """Dies at operation 1, 2, 3 … in a child each, until one child survives."""
    for operation in range(1, 100):
        write(folder, OLD)
        child = os.fork()
        if child == 0:
            die_at(operation)
            write(folder, NEW)
            os._exit(0)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        seen = found(folder / "target")
        storage.staging_folder(folder / "target")  # what the next writer begins with
        told = {"status": status, "found": seen, "next": found(folder / "target")}
        print(json.dumps(told), flush=True)
        if status == 0:
            return


def forever(folder: Path, write: Callable[[Path, bytes], None]) -> None:
    """Writes old and new content in turn, until somebody kills this process."""
    print(json.dumps({"status": "started"}), flush=True)
    while True:
        write(folder, NEW)
        write(folder, OLD)


def found(target: Path) -> list[str]:
    """What a reader sees: old, new or mixed, for each file."""
    names = {OLD: "old", NEW: "new"}
    files = sorted(target.iterdir()) if target.is_dir() else [target]
    return [names.get(file.read_bytes(), "mixed") for file in files if file.exists()]


def hold_lock(folder: Path) -> None:
    """Holds a lock while a child of this process lives, too, and waits to be killed."""
    with storage.lock(folder / "lock", "deploy"):
        child = os.spawnlp(os.P_NOWAIT, "sleep", "sleep", "60")  # noqa: S606 -- subprocess closes files itself
        while Path(f"/proc/{child}/comm").read_text() != "sleep\n":  # until then it is our copy
            os.sched_yield()
        print(json.dumps({"pid": os.getpid(), "child": child}), flush=True)
        signal.pause()


def main(mode: str, what: str, folder: Path) -> None:
    """Runs one mode."""
    if mode == "each":
        at_each_operation(folder, WRITERS[what])
    elif mode == "forever":
        forever(folder, WRITERS[what])
    else:
        hold_lock(folder)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2], Path(sys.argv[3]))
