"""Kills a program with all its children at the n-th change of the file system that they begin.

`python -m tests.integration.killing_tracer POINT COMMAND…` prints one JSON line. The kernel stops
each process just before a call that changes names or makes content durable (a seccomp filter, so
that all other calls run at full speed); at the POINT-th, all are killed and the call never
happens. Calls of DVC are not counted: what it leaves is tried by tests that kill it at random.
x86-64 Linux.
"""

import ctypes
import json
import os
import signal
import struct
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple, NoReturn

CALLS = {
    "rename": 82,
    "renameat": 264,
    "renameat2": 316,
    "mkdir": 83,
    "mkdirat": 258,
    "rmdir": 84,
    "link": 86,
    "linkat": 265,
    "unlink": 87,
    "unlinkat": 263,
    "fsync": 74,
    "fdatasync": 75,
    "ftruncate": 77,
}
OPENING = {"open": (2, 24), "openat": (257, 32)}
"""Number, and where the flags lie in the kernel's `seccomp_data`; only O_CREAT counts."""
NAMES = (*CALLS, *OPENING)
NOT_COUNTED = b"-m\0dvc\0"

LOAD, JUMP_EQUAL, JUMP_SET, RETURN = 0x20, 0x15, 0x45, 0x06
ALLOW, TRACE = 0x7FFF0000, 0x7FF00000
NO_NEW_PRIVILEGES, SET_SECCOMP, FILTER_MODE = 38, 22, 2
TRACE_ME, CONTINUE, SET_OPTIONS, EVENT_MESSAGE = 0, 7, 0x4200, 0x4201
SECCOMP_EVENT = 7
OPTIONS = 0x2 | 0x4 | 0x8 | 0x10 | 0x80 | 0x100000  # fork, vfork, clone, exec, seccomp, exit-kill
ALL_CHILDREN = 0x40000000

libc = ctypes.CDLL(None, use_errno=True)
libc.ptrace.argtypes = (ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p)
libc.ptrace.restype = ctypes.c_long


class Ended(NamedTuple):
    """How a traced command ended."""

    code: int | None
    """None if it was killed at the point."""
    calls: int
    """How many calls were counted up to its end."""
    last: str
    """The last one, such as `git rename`."""


def run(point: int, command: list[str], cwd: Path) -> Ended:
    """Runs a command and kills it at the point; its output is passed through."""
    words = [sys.executable, "-m", "tests.integration.killing_tracer", str(point), *command]
    repository = Path(__file__).resolve().parents[2]
    environment = {**os.environ, "PYTHONPATH": str(repository)}
    done = subprocess.run(words, cwd=cwd, env=environment, stdout=subprocess.PIPE, check=True)
    return Ended(**json.loads(done.stdout.splitlines()[-1]))


def bpf() -> bytes:
    """A filter that stops at the calls and lets all others through."""
    lines: list[tuple[int, int, int, int]] = []
    for index, number in enumerate(CALLS.values()):
        lines += [(LOAD, 0, 0, 0), (JUMP_EQUAL, 0, 1, number), (RETURN, 0, 0, TRACE | index)]
    for index, (number, flags) in enumerate(OPENING.values(), start=len(CALLS)):
        lines += [(LOAD, 0, 0, 0), (JUMP_EQUAL, 0, 3, number), (LOAD, 0, 0, flags)]
        lines += [(JUMP_SET, 0, 1, os.O_CREAT), (RETURN, 0, 0, TRACE | index)]
    lines.append((RETURN, 0, 0, ALLOW))
    return b"".join(struct.pack("HBBI", *line) for line in lines)


def become(command: list[str]) -> NoReturn:
    """In the child: asks to be traced, takes the filter, and becomes the command."""
    program = bpf()
    code = ctypes.create_string_buffer(program, len(program))
    filter_ = struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(code))
    libc.ptrace(TRACE_ME, 0, None, None)
    os.kill(os.getpid(), signal.SIGSTOP)
    libc.prctl(NO_NEW_PRIVILEGES, 1, 0, 0, 0)
    if libc.prctl(SET_SECCOMP, FILTER_MODE, filter_) != 0:
        os._exit(126)
    os.execvp(command[0], command)  # noqa: S606 -- replaces this process, no shell


class Tracer:
    """Watches one command and all that it starts."""

    def __init__(self, point: int, command: list[str]) -> None:
        self.point = point
        self.calls = 0
        self.last = ""
        self.code: int | None = None
        self.child = os.fork()
        if self.child == 0:
            os.dup2(2, 1)  # stdout is for the result
            become(command)
        os.waitpid(self.child, 0)
        libc.ptrace(SET_OPTIONS, self.child, None, OPTIONS)
        self.known = {self.child}
        self._go_on(self.child)

    def watch(self) -> Ended:
        """Until nothing of the command is left."""
        while True:
            try:
                process, status = os.waitpid(-1, ALL_CHILDREN)
            except ChildProcessError:
                return Ended(self.code, self.calls, self.last)
            if os.WIFSTOPPED(status):
                self._stopped(process, os.WSTOPSIG(status), status >> 16)
            else:
                self.known.discard(process)
                if process == self.child and self.calls < self.point:
                    self.code = os.waitstatus_to_exitcode(status)

    def _stopped(self, process: int, number: int, event: int) -> None:
        is_new = process not in self.known
        self.known.add(process)
        if event == SECCOMP_EVENT:
            self._count(process)
        passed_on = 0 if event or (is_new and number == signal.SIGSTOP) else number
        self._go_on(process, passed_on)

    def _count(self, process: int) -> None:
        if self.calls >= self.point or NOT_COUNTED in self._read(process, "cmdline"):
            return
        self.calls += 1
        index = ctypes.c_ulong()
        libc.ptrace(EVENT_MESSAGE, process, None, ctypes.addressof(index))
        program = self._read(process, "comm").decode().strip()
        self.last = f"{program} {NAMES[index.value]}"
        if self.calls == self.point:
            for one in self.known:
                self._kill(one)

    def _read(self, process: int, name: str) -> bytes:
        try:
            return Path(f"/proc/{process}/{name}").read_bytes()
        except OSError:
            return b""

    def _kill(self, process: int) -> None:
        try:
            os.kill(process, signal.SIGKILL)
        except ProcessLookupError:
            return

    def _go_on(self, process: int, number: int = 0) -> None:
        if self.calls >= self.point:
            self._kill(process)  # also one that was born meanwhile
        libc.ptrace(CONTINUE, process, None, number)


def main(words: list[str]) -> None:
    """Traces the command and prints how it ended."""
    ended: Any = Tracer(int(words[0]), words[1:]).watch()
    print(json.dumps(ended._asdict()))


if __name__ == "__main__":
    main(sys.argv[1:])
