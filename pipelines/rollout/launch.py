"""`python -m pipelines.rollout.launch FOLDER PORT WORD…`: becomes a supervised command, alone.

BentoML's workers live in sessions of their own. When its parent process is killed they go on, and
hold the port against the successor. So what a former life of this program left behind ends first.
A stranger on the port is named in the log, and the supervisor tries again later.
"""

import os
import sys
from collections.abc import Sequence

from pipelines import processes
from pipelines.errors import PortTaken
from pipelines.rollout.listeners import require_free

MARKS = ("SUPERVISOR_SERVER_URL", "SUPERVISOR_PROCESS_NAME")


def main(folder: str, port: int, command: Sequence[str]) -> None:
    """Ends the program's left-overs and becomes the command, in the folder.

    Raises:
        PortTaken: Somebody else listens on the command's port.
    """
    marks = {name: os.environ[name] for name in MARKS}
    processes.end_all(lambda: processes.with_variables(marks))
    require_free(port, os.environ[MARKS[1]])
    os.chdir(folder)
    os.execv(command[0], list(command))  # noqa: S606 -- replaces this process, no shell


if __name__ == "__main__":
    try:
        main(sys.argv[1], int(sys.argv[2]), sys.argv[3:])
    except PortTaken as error:
        sys.exit(f"{error.code}: {error.message}")
