"""The `tandem` command: inside a clone it runs that clone's code, elsewhere the installed one."""

import os
import sys
from pathlib import Path

from pipelines.home import repository_root


def main() -> None:
    """Runs `python -m pipelines` with this interpreter, from the root of the clone, if any."""
    root = repository_root()
    environment = dict(os.environ)
    if root is not None:
        environment["TANDEM_INVOKED_FROM"] = str(Path.cwd())
        if home := environment.get("TANDEM_HOME"):  # relative to where the caller stands
            environment["TANDEM_HOME"] = str(Path(home).resolve())
        os.chdir(root)
        environment.pop("PYTHONPATH", None)
    os.execve(sys.executable, [sys.executable, "-m", "pipelines", *sys.argv[1:]], environment)  # noqa: S606 -- replaces this process, no shell
