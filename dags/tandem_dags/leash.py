"""`leash.py STARTER WORD…`: runs a command that does not outlive the process which started it.

A killed Airflow task would leave its children running: a training that nobody waits for any more,
and that holds the locks of the next try. Here the kernel tells us when the starter dies.
"""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys

PR_SET_PDEATHSIG = 1
GRACE_SECONDS = 10
SIGNAL_OFFSET = 128


def main(starter: int, command: list[str]) -> int:
    """Runs the command in a process group of its own; returns its exit code, 128 + n for signal n.

    What the command leaves behind in its group ends with it. SIGTERM ends the whole group, and
    after a grace period SIGKILL does.
    """
    os.setsid()
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    if os.getppid() != starter:  # it died before the kernel knew that we want to be told
        return SIGNAL_OFFSET + signal.SIGTERM
    child = subprocess.Popen(command, process_group=0)

    def end(number: int, _: object) -> None:
        _signal_group(child.pid, signal.SIGTERM if number == signal.SIGTERM else signal.SIGKILL)
        signal.alarm(GRACE_SECONDS)

    signal.signal(signal.SIGTERM, end)
    signal.signal(signal.SIGALRM, end)
    os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)  # not reaped: the group id stays ours
    _signal_group(child.pid, signal.SIGKILL)
    code = child.wait()
    return code if code >= 0 else SIGNAL_OFFSET - code


def _signal_group(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(group, number)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), sys.argv[2:]))
