"""`python -m pipelines.rollout.launch FOLDER WORD…`: becomes a supervised command, alone.

BentoML's workers live in sessions of their own. When its parent process is killed they go on, and
hold the port against the successor. So what a former life of this program left behind ends first.
"""

import os
import sys
from collections.abc import Sequence

from pipelines import processes

MARKS = ("SUPERVISOR_SERVER_URL", "SUPERVISOR_PROCESS_NAME")


def main(folder: str, command: Sequence[str]) -> None:
    """Ends the program's left-overs and becomes the command, in the folder."""
    marks = {name: os.environ[name] for name in MARKS}
    processes.end(processes.with_variables(marks))
    os.chdir(folder)
    os.execv(command[0], list(command))  # noqa: S606 -- replaces this process, no shell


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
