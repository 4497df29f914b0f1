"""Processes by what they carry: found, ended, seen gone."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import psutil

GRACE_SECONDS = 5.0
POLL_SECONDS = 0.1


def with_variables(marks: Mapping[str, str]) -> list[psutil.Process]:
    """All other processes of ours that have all of this in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and marks.items() <= process.environ().items():
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def orphans_of_session(leader: int) -> list[psutil.Process]:
    """Processes of a session whose leader is gone, and all below them.

    A program that changes its title overwrites its environment; its session stays.
    """
    if psutil.pid_exists(leader) and lives(psutil.Process(leader)):
        return []
    found: set[psutil.Process] = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == leader:
                found |= {process, *process.children(recursive=True)}
    return [process for process in found if process.pid != os.getpid()]


def end(processes: list[psutil.Process]) -> list[psutil.Process]:
    """Ends processes, by force after a moment.

    Returns:
        Those that still live.
    """
    left = processes
    for number in (signal.SIGTERM, signal.SIGKILL):
        for process in left:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
        wait_until(lambda: not any(map(lives, processes)), GRACE_SECONDS)
        left = [process for process in processes if lives(process)]
    return left


def lives(process: psutil.Process) -> bool:
    """Whether it runs; a zombie does not, since its reaping is up to its parent."""
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return False


def wait_until(condition: Callable[[], bool], seconds: float) -> bool:
    """Waits for a condition; False when it did not come true in time."""
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(POLL_SECONDS)
    return True
