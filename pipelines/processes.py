"""Processes by what they carry: found, ended, seen gone."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

import psutil

GRACE_SECONDS = 5.0
POLL_SECONDS = 0.1
ROUNDS = 10


def with_variables(marks: Mapping[str, str]) -> list[psutil.Process]:
    """All other processes of ours that have all of this in their environment."""
    found = []
    for process in psutil.process_iter():
        try:
            is_marked = marks.items() <= process.environ().items()
            if is_marked and process.pid != os.getpid() and lives(process):
                found.append(process)
        except (psutil.Error, OSError):
            continue
    return found


def orphans_of_session(leader: int) -> list[psutil.Process]:
    """Processes of a session whose leader is gone and who lost their environment; all below them.

    A program that overwrites its environment (for a title) has no mark left; its session stays. One
    that still has an environment, without our mark, is a stranger whose session got an old number.
    """
    if alive(leader) is not None:
        return []
    found: set[psutil.Process] = set()
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if os.getsid(process.pid) == leader and lives(process) and not process.environ():
                found |= {process, *process.children(recursive=True)}
    return [process for process in found if process.pid != os.getpid()]


def alive(pid: int) -> psutil.Process | None:
    """The process of this number, if it lives."""
    try:
        process = psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None
    return process if lives(process) else None


def is_below(pid: int, ancestor: int | None) -> bool:
    """Whether a process is below another one, or that one itself."""
    try:
        return ancestor in (pid, *(parent.pid for parent in psutil.Process(pid).parents()))
    except psutil.Error:
        return False


def end_all(find: Callable[[], list[psutil.Process]]) -> list[psutil.Process]:
    """Ends what is found until nothing new is: what dies may still have forked meanwhile.

    Returns:
        Those that still live.
    """
    for _ in range(ROUNDS):
        found = find()
        left = end(found) if found else []
        if left or not found:
            return left
    return find()


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
