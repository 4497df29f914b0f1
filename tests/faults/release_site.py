"""A home with three registered versions, and all that `up` starts: what release faults break.

The state is real (Git, DVC, tags by gto); its data are a handful of rows, and the versions share
the small artifact, each in a commit and a Bento of its own. Verbs run as a person's would.
"""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import psutil
import pytest

from pipelines import processes, storage
from pipelines.contracts.release import Deployment, Ports
from pipelines.home import Home
from pipelines.package.bento import build_bento
from pipelines.rollout import client_env, machine
from pipelines.rollout.gateway import Gateway
from pipelines.state import runs, versions
from pipelines.state.repository import MAIN, Repository
from pipelines.supervisor import Supervisor
from tests.integration import serving, small_state
from tests.integration.running import free_ports, wait_until

KEY = "1998-03-09"
NUMBERS = (1, 2, 3)
READY_SECONDS = 90.0
ROOT = serving.ROOT


@dataclass(frozen=True)
class Ended:
    """How a verb ended."""

    code: int
    out: dict[str, Any]
    err: str

    @property
    def error(self) -> dict[str, Any]:
        """The error that it told."""
        return dict(self.out["error"])


class ReleaseSite:
    """The home, its services, and the command line on it."""

    def __init__(self, home: Home, ports: Ports) -> None:
        self.home, self.ports = home, ports
        self.gateway = Gateway(home, ports)
        self.supervisor = Supervisor(home)
        self._client = httpx.Client(timeout=12, trust_env=False)

    # --- verbs

    def start(self, *words: str, under: Sequence[str] = ()) -> "subprocess.Popen[str]":
        """A verb in a process of its own."""
        numbers = self.ports.numbers() if words[0] not in ("status", "down") else {}
        settings = [f"-Pup.{name}_port={port}" for name, port in numbers.items()]
        settings += ["-Pup.airflow=false"] if settings else []
        command = [*under, sys.executable, "-m", "pipelines", words[0], "--json", *words[1:]]
        return subprocess.Popen(
            [*command, *settings],
            cwd=ROOT,
            env={**os.environ, "TANDEM_HOME": str(self.home.path)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def tandem(self, *words: str, under: Sequence[str] = ()) -> Ended:
        """A verb, to its end."""
        return ended(self.start(*words, under=under))

    def deploy(self, number: int) -> Ended:
        """`tandem deploy` of a version by name."""
        return self.tandem("deploy", "--version", version(number))

    # --- what is there

    def record(self) -> Deployment:
        """deployment.json."""
        return storage.read_record(self.home.deployment, Deployment)

    def live(self) -> str | None:
        """The version that clients get now; None while they get none."""
        answer = self.ask("/v1/model")
        return str(answer.json()["version"]) if answer.status_code == httpx.codes.OK else None

    def ask(self, path: str) -> httpx.Response:
        """What the gateway answers to a client."""
        key = {"Authorization": f"Bearer {client_env.api_key(self.home)}"}
        return self._client.get(self.gateway.url + path, headers=key)

    def members(self, name: str) -> list[psutil.Process]:
        """All processes of a program."""
        url = f"unix://{self.home.supervisor / 'supervisor.sock'}"
        marks = {"SUPERVISOR_SERVER_URL": url, "SUPERVISOR_PROCESS_NAME": name}
        return processes.with_variables(marks)

    def send(self, number: signal.Signals, *names: str) -> int:
        """A signal to all processes of programs; how many it reached."""
        reached = 0
        for process in [process for name in names for process in self.members(name)]:
            with suppress(psutil.NoSuchProcess):
                process.send_signal(number)
                reached += 1
        return reached

    def settle(self) -> None:
        """Waits until champion and spare both answer, as they do when nothing is broken."""
        wait_until(self.is_whole, "champion and spare are well", READY_SECONDS)

    def is_whole(self) -> bool:
        """Whether the gateway has the recorded route and finds its slots well."""
        record, health = self.record(), self.gateway.slots()
        placed = [release for release in (record.champion, record.previous) if release]
        return (
            record.state == "idle"
            and self.gateway.ready()
            and self.gateway.accepted() == machine.settled_route(record)
            and all(health[release.slot].is_well for release in placed)
        )

    def disagreements(self) -> list[str]:
        """Where record, registry, gateway and status differ, while nothing is under way (I8)."""
        record, status = self.record(), self.tandem("status").out
        champion = record.champion.version if record.champion else None
        previous = record.previous.version if record.previous else None
        told = {
            "state": (record.state, "idle"),
            "registry": (versions.assigned(self.home), champion),
            "gateway": (self.gateway.confirmed(), machine.settled_route(record)),
            "clients": (self.live(), champion),
            "status.champion": (status["champion"]["version"], champion),
            "status.previous": ((status["previous"] or {}).get("version"), previous),
            "status.failover": (status["failover"], None),
        }
        return [f"{name}: {one} != {two}" for name, (one, two) in told.items() if one != two]


def ended(process: "subprocess.Popen[str]") -> Ended:
    """Waits for a verb."""
    out, err = process.communicate(timeout=240)
    return Ended(process.returncode, json.loads(out) if out.strip() else {}, err)


def pid_of(site: ReleaseSite, slot: str) -> int | None:
    """The process of a slot, if it runs."""
    service = site.supervisor.service(slot)
    return service.pid if service else None


def age_seconds(pid: int | None) -> float:
    """How long ago a process started."""
    return time.time() - psutil.Process(pid).create_time()


def version(number: int) -> str:
    return f"recommender@v{number}.0.0"


def make(root: Path) -> Iterator[ReleaseSite]:
    """All of it, with version 2 live and version 1 its spare; ended afterwards."""
    with pytest.MonkeyPatch.context() as patch:
        small = small_state.make(root, patch)
        small.ingested("ingestion", KEY)
        small.train("training")
        runs.commit(small.home, "training")
        trained = small.state.git("rev-parse", MAIN).strip()
        _amend_rows(small)
        patch.chdir(ROOT)
    artifact = serving.write_tiny_artifact(root / "artifact")
    for number in NUMBERS:
        _register(small.state, trained, number, storage.tree_digest(artifact))
        release = serving.make_release(artifact, f"v{number}.0.0")
        build_bento(artifact, ROOT, release, small.home.bentoml)
    site = ReleaseSite(small.home, free_ports())
    try:
        for words in (
            ("up",),
            ("deploy", "--version", version(1)),
            ("deploy", "--version", version(2)),
        ):
            done = site.tandem(*words)
            assert done.code == 0, done.err
        yield site
    finally:
        site.send(signal.SIGCONT, "blue", "green", "gateway")
        site.tandem("down")


def _amend_rows(small: small_state.SmallState) -> None:
    """The partition again, with real tables in place of the small program's."""
    small.accept("amendment", KEY, "12")
    clone = small.home.runs / "amendment"
    ids = [f"i{number}" for number in range(5)]
    events = {"user_id": "p1_a", "item_id": ids, "event": "rating", "value": 4.0, "event_id": ids}
    times = pd.to_datetime(["1998-03-10T00:00:00Z"] * len(ids)).as_unit("us")
    tables = {
        "interactions": pd.DataFrame(events).assign(timestamp=times),
        "users": pd.DataFrame({"user_id": ["p1_a"], "age": 24.0, "gender": "F", "occupation": "x"}),
        "items": pd.DataFrame(
            {"item_id": ids, "title": ids, "year": 1990.0, "genres": [["Drama"]] * len(ids)}
        ),
    }
    for name, frame in tables.items():
        folder = clone / "data" / name / f"dt={KEY}"
        storage.write_table(folder / "part-0.parquet", frame)
        manifest = storage.read_json(folder / "manifest.json")
        digest = storage.sha256_file(folder / "part-0.parquet")
        storage.write_json(folder / "manifest.json", {**manifest, "sha256": digest})
    runs.commit(small.home, "amendment")


def _register(state: Repository, trained: str, number: int, digest: str) -> None:
    """A commit of its own for each version: the registry finds a version by its commit."""
    words = ("-c", "user.name=Tests", "-c", "user.email=tests@localhost", "commit-tree")
    commit = state.git(
        *words, f"{trained}^{{tree}}", "-p", trained, "-m", f"Version {number}"
    ).strip()
    versions.tag(state, version(number), commit, digest)


@dataclass
class Watch:
    """What an observer outside has seen, once the block is over."""

    seen: dict[str, Any]

    @property
    def gap_seconds(self) -> float:
        """The longest time between two good answers."""
        return float(self.seen["longest_gap_seconds"])


@contextmanager
def observed(site: ReleaseSite) -> Iterator[Watch]:
    """Has another process look all the while; no invariant may be broken."""
    command = [sys.executable, "-m", "tests.faults.observer", str(site.home.path)]
    with (site.home.logs / "observer.log").open("w") as log:
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=log)
    wait_until(lambda: "ready" in (site.home.logs / "observer.log").read_text(), "it looks")
    watch = Watch({})
    try:
        yield watch
    finally:
        process.terminate()
        watch.seen.update(json.loads(process.communicate(timeout=30)[0]))
        print(json.dumps(watch.seen))
    assert watch.seen["violations"] == []
