"""Disks that are too small, and folders of somebody else."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

PAGE = 4096


@contextmanager
def small_disk(folder: Path, n_pages: int) -> Iterator[None]:
    """A disk of its own over an empty folder."""
    require_root("mounts a disk")
    aside = folder.with_name(f"{folder.name}-aside")
    if folder.exists():
        folder.rename(aside)
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", f"size={n_pages * PAGE}", "tmpfs", str(folder)]
    subprocess.run(command, check=True)
    try:
        yield
    finally:
        subprocess.run(["umount", str(folder)], check=True)
        folder.rmdir()
        if aside.exists():
            aside.rename(folder)
        else:
            folder.mkdir()


@contextmanager
def owned_by(clone: Path, uid: int, besides: str) -> Iterator[None]:
    """All of a clone belongs to somebody else, one folder does not."""
    require_root("gives folders away")
    subprocess.run(["chown", "-R", str(uid), str(clone)], check=True)
    subprocess.run(["chown", "-R", "0", str(clone / besides)], check=True)
    yield
    subprocess.run(["chown", "-R", "0", str(clone)], check=True)


def require_root(what: str) -> None:
    if os.geteuid() != 0:
        pytest.skip(f"only root {what}")
