"""The Airflow that `tandem up` runs, in a folder of its own; its `tandem` is a scripted stand-in.

The stand-in ends with the exit codes that a test lays down, so that what the DAGs make of each
code is seen in real runs. Everything else is real.
"""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from pipelines.airflow import INGESTION_POOL, Airflow, Deadline, ready
from pipelines.home import Home
from pipelines.up import airflow_home
from tests.ports import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
START_SECONDS = 240
STOP_SECONDS = 20
NOW = "2026-01-01T00:00:00Z"

STAND_IN = '''#!{python}
"""Notes its command line and ends with the next exit code laid down for its verb."""
import fcntl, json, os, pathlib, subprocess, sys, time
home = pathlib.Path(os.environ["TANDEM_HOME"])
words = sys.argv[1:]
verb = words[3] if words[:2] == ["run", "step"] else words[1] if words[0] == "run" else words[0]
with (home / "calls.jsonl").open("a+") as calls:
    fcntl.flock(calls, fcntl.LOCK_EX)
    calls.seek(0)
    done = sum(json.loads(line)["verb"] == verb for line in calls)
    calls.write(json.dumps({{"verb": verb, "words": words, "pid": os.getpid()}}) + "\\n")
codes = json.loads((home / "codes.json").read_text()).get(verb, [0])
code = codes[min(done, len(codes) - 1)]
if code == "hang":
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    (home / "hanging.json").write_text(json.dumps([os.getppid(), os.getpid(), child.pid]))
    child.wait()
print(f"{{verb}} ends with {{code}}", flush=True)
if "--json" in words and not code:
    print(json.dumps({{"version": "recommender@v7.0.0"}}))
if code:
    print(f"error: {{verb}} said {{code}}", file=sys.stderr)
sys.exit(code)
'''


@dataclass
class AirflowProcesses:
    """Starts in `folder`; `client` speaks to it, `stop` ends every process group by its pid."""

    folder: Path
    server: str | None = None
    """URL of a database on a server; None = SQLite."""
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    """By program, for example `airflow-scheduler`."""

    @property
    def home(self) -> Path:
        """TANDEM_HOME of the tasks."""
        return self.folder / "home"

    def start(self) -> "AirflowProcesses":
        """Starts the four components and waits until the DAGs are read and unpaused."""
        home = Home(self.home).ensure()
        self.lay_down({})
        port = free_port()
        airflow_home.prepare(home, port, self.server)
        shutil.copytree(REPOSITORY / "dags", home.airflow / "dags", dirs_exist_ok=True)
        self.settle()
        python = self._environment_with_stand_in()
        for program in airflow_home.programs(home, REPOSITORY):
            log = (self.folder / f"{program.name}.log").open("wb")
            self.processes[program.name] = subprocess.Popen(
                [python, *program.command[1:]],
                cwd=program.directory,
                env={**_inherited(), **program.environment},
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        password = json.loads(airflow_home.passwords(home).read_text())[airflow_home.USER]
        self.client = Airflow(f"http://127.0.0.1:{port}", airflow_home.USER, password)
        ready(self.client, Deadline(START_SECONDS))
        self.client.make_pool(INGESTION_POOL, slots=1)
        return self

    def stop(self) -> None:
        """Ends the process groups, for good after a grace period."""
        for process in self.processes.values():
            _signal_group(process.pid, signal.SIGTERM)
        end = time.monotonic() + STOP_SECONDS
        for process in self.processes.values():
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(max(0.1, end - time.monotonic()))
            _signal_group(process.pid, signal.SIGKILL)
            process.wait()

    def settle(
        self, clock: str = "replay", grain: str = "week", since: str = NOW, approval: bool = False
    ) -> None:
        """What `tandem init` writes beside the DAG files, which are then read anew."""
        facts = {"clock": clock, "grain": grain, "since": since, "approval": approval}
        (Home(self.home).airflow / "dags" / "settings.json").write_text(json.dumps(facts))

    def signal(self, component: str, number: int) -> None:
        """Signals a component and all its children."""
        _signal_group(self.processes[f"airflow-{component}"].pid, number)

    def signal_main(self, component: str, number: int) -> None:
        """Signals a component and none of its children: a scheduler's workers go on."""
        self.processes[f"airflow-{component}"].send_signal(number)

    def lay_down(self, codes: dict[str, list[int | str]]) -> None:
        """From now on a verb's n-th call ends with its n-th code, the last one ever after."""
        (self.home / "calls.jsonl").write_text("")
        (self.home / "hanging.json").unlink(missing_ok=True)
        (self.home / "codes.json").write_text(json.dumps(codes))

    def calls(self) -> list[list[str]]:
        """The command lines so far, in order."""
        lines = (self.home / "calls.jsonl").read_text().splitlines()
        return [json.loads(line)["words"] for line in lines]

    def verbs(self) -> list[str]:
        """The verbs called so far, in order."""
        lines = (self.home / "calls.jsonl").read_text().splitlines()
        return [json.loads(line)["verb"] for line in lines]

    def _environment_with_stand_in(self) -> str:
        """A virtual environment that is ours in everything but its `tandem`."""
        here, there = Path(sys.prefix), self.folder / "environment"
        (there / "bin").mkdir(parents=True)
        (there / "lib").symlink_to(here / "lib")
        (there / "pyvenv.cfg").write_bytes((here / "pyvenv.cfg").read_bytes())
        python = there / "bin" / "python"
        python.symlink_to(Path(sys.executable).resolve())
        tandem = there / "bin" / "tandem"
        tandem.write_text(STAND_IN.format(python=python))
        tandem.chmod(0o755)
        return str(python)


def running(folder: Path) -> Iterator[AirflowProcesses]:
    """An Airflow, for as long as a fixture lives."""
    started = AirflowProcesses(folder)
    try:
        yield started.start()
    finally:
        started.stop()


def _inherited() -> dict[str, str]:
    return {name: os.environ[name] for name in {"PATH", "HOME", "LANG"} & os.environ.keys()}


def _signal_group(pid: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(pid, number)
