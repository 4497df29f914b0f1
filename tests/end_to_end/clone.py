"""A fresh clone of this repository in a folder of its own, and `tandem` at work in it."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import psutil

from tests.ports import free_port

REPOSITORY = Path(__file__).resolve().parents[2]
TANDEM = Path(sys.executable).with_name("tandem")
VERB_SECONDS = 900
PORTS = ("airflow", "gateway", "admin", "blue", "green")


@dataclass(frozen=True)
class RunCommit:
    """A commit of the state, and what its trailers say of where it comes from."""

    commit: str
    run: str
    airflow_run: str

    @property
    def dag_id(self) -> str:
        """The DAG that the run's name begins with."""
        return self.run.partition(".")[0]


@dataclass(frozen=True)
class Clone:
    """The clone at `root`; its home is `var/` inside, as for anybody who follows the README."""

    root: Path
    ports: dict[str, int]

    @classmethod
    def make(cls, root: Path, **params: str) -> "Clone":
        """Clones what is in the working tree, committed or not, with some params replaced.

        Args:
            root: A folder that does not exist yet.
            params: `section__key="value"` or `key="value"`, as they stand in params.yaml.
        """
        git("clone", "--quiet", str(REPOSITORY), str(root), cwd=REPOSITORY)
        listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard", cwd=REPOSITORY)
        for name in filter(None, listed.split("\0")):
            source, target = REPOSITORY / name, root / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.unlink(missing_ok=True)
            if source.exists():
                shutil.copy2(source, target, follow_symlinks=False)
        clone = cls(root, {name: free_port() for name in PORTS})
        clone.set_params(
            **params, **{f"up__{name}_port": str(p) for name, p in clone.ports.items()}
        )
        for setting in ("user.name=Test", "user.email=test@example.invalid"):
            git("config", *setting.split("="), cwd=root)
        git("add", "--all", cwd=root)
        git("commit", "--quiet", "--message", "Fit the machine", cwd=root)
        return clone

    @property
    def home(self) -> Path:
        """TANDEM_HOME."""
        return self.root / "var"

    def set_params(self, **params: str) -> None:
        """Replaces values in the clone's params.yaml, comments kept."""
        path = self.root / "params.yaml"
        lines = path.read_text().splitlines(keepends=True)
        section = ""
        for number, line in enumerate(lines):
            name, _, rest = line.strip().partition(":")
            if not line.startswith((" ", "#", "\n")):
                section = name
                if (value := params.pop(name, None)) is not None:
                    lines[number] = f"{name}: {value}\n"
            elif (value := params.pop(f"{section}__{name}", None)) is not None:
                comment = rest.partition(" #")[2]
                lines[number] = f"  {name}: {value}" + (f" #{comment}\n" if comment else "\n")
        assert not params, f"not in params.yaml: {sorted(params)}"
        path.write_text("".join(lines))

    def tandem(
        self, *words: str, seconds: float = VERB_SECONDS
    ) -> subprocess.CompletedProcess[str]:
        """Runs a verb in the clone; its stderr is shown with the test's output."""
        return subprocess.run(
            [str(TANDEM), *words],
            cwd=self.root,
            env=environment(),
            stdout=subprocess.PIPE,
            text=True,
            timeout=seconds,
            check=False,
        )

    def start(self, *words: str, told: Path) -> subprocess.Popen[str]:
        """Starts a verb in the clone and does not wait; what it tells people goes to a file."""
        with told.open("w") as stderr:
            return subprocess.Popen(
                [str(TANDEM), *words],
                cwd=self.root,
                env=environment(),
                stdout=subprocess.PIPE,
                stderr=stderr,
                text=True,
            )

    def supervisorctl(self, *words: str) -> None:
        """What a person does to one program alone: stop, start or restart it."""
        configuration = self.home / "supervisor" / "supervisord.conf"
        command = [sys.executable, "-m", "supervisor.supervisorctl", "-c", str(configuration)]
        subprocess.run([*command, *words], check=True, timeout=120, stdout=subprocess.DEVNULL)

    def run_commits(self) -> list["RunCommit"]:
        """The commits in the state that runs have made, on any branch; the newest first."""
        names = ("Tandem-Run", "Airflow-Run")
        parts = [f"%(trailers:key={name},valueonly,separator=%x2C)" for name in names]
        listed = git(
            "log", "--branches", f"--format=%H%x09{'%x09'.join(parts)}", cwd=self.home / "state.git"
        )
        rows = [line.split("\t") for line in listed.splitlines()]
        return [RunCommit(*row) for row in rows if row[1]]

    def ask(self, *words: str) -> dict[str, Any]:
        """The record of a verb that must succeed."""
        ended = self.tandem(*words, "--json")
        assert ended.returncode == 0, f"{words} ended with {ended.returncode}: {ended.stdout}"
        return dict(json.loads(ended.stdout))

    def status(self) -> dict[str, Any]:
        """`tandem status --json`."""
        return self.ask("status")

    def client(self) -> dict[str, str]:
        """client.env, read as a shell reads it."""
        command = f". {self.home}/client.env && env -0"
        text = subprocess.run(
            ["sh", "-c", f"set -a; {command}"], capture_output=True, text=True, check=True
        ).stdout
        return dict(pair.split("=", 1) for pair in text.split("\0") if "=" in pair)

    def post(self, route: str, body: dict[str, Any]) -> httpx.Response:
        """An HTTP request through the gateway, with client.env's key."""
        client = self.client()
        headers = {"Authorization": f"Bearer {client['TANDEM_API_KEY']}"}
        return httpx.post(client["TANDEM_URL"] + route, json=body, headers=headers, timeout=30)

    def processes(self) -> list[psutil.Process]:
        """All processes that work for this clone, ours left out."""
        marks, found = (str(self.root), str(self.home)), []
        for process in psutil.process_iter():
            try:
                words = " ".join([*process.cmdline(), process.environ().get("TANDEM_HOME", "")])
            except (psutil.Error, OSError):
                continue
            if any(mark in words for mark in marks) and process.pid != os.getpid():
                found.append(process)
        return found

    def stop(self) -> list[str]:
        """`tandem down`; whatever is left after it is ended, and named."""
        self.tandem("down", seconds=120)
        left = self.processes()
        names = [" ".join(words_of(process))[:200] for process in left]
        for process in left:
            with contextlib.suppress(psutil.NoSuchProcess):
                process.send_signal(signal.SIGKILL)
        psutil.wait_procs(left, timeout=10)
        return names


def words_of(process: psutil.Process) -> list[str]:
    """A process's command line; none once it has ended."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def environment() -> dict[str, str]:
    """What a person's shell has: nothing of ours, and the virtual environment first on PATH."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("TANDEM_", "AIRFLOW", "DVC_"))}
    return kept | {"PATH": f"{TANDEM.parent}{os.pathsep}{os.environ['PATH']}"}


def git(*words: str, cwd: Path) -> str:
    """Git's stdout."""
    ended = subprocess.run(["git", *words], cwd=cwd, capture_output=True, text=True, check=True)
    return ended.stdout


def wait_until(condition: Callable[[], bool], what: str, seconds: float) -> None:
    """Waits for a condition with a deadline."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"waited {seconds} s for {what}"
        time.sleep(0.2)
