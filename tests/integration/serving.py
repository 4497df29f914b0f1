"""Starts a real bento for tests: a small artifact, an online store, keys, `bentoml serve`."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import httpx
import pandas as pd

from pipelines import online, storage
from pipelines.contracts.release import Release
from pipelines.identity import pseudonym
from pipelines.package.bento import build_bento
from tests.integration.tiny_catalogue import ITEM_IDS, TASKS
from tests.ports import free_port

ROOT = Path(__file__).parents[2]
KEY = "tk_" + "k" * 40
IDENTITY_KEY = bytes(range(32))
NEWEST_END_US = 891_820_800_000_000  # 1998-04-06T00:00:00Z
MINUTE_US = 60_000_000
START_SECONDS = 90.0


def write_tiny_artifact(folder: Path) -> Path:
    """The small artifact, written by a process of its own."""
    command = [sys.executable, "-m", "tests.integration.tiny_artifact", str(folder)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    return folder


def make_release(artifact: Path, version: str = "v1.0.0") -> Release:
    return Release(
        version=f"recommender@{version}",
        bento=f"recommender:{version}",
        model=f"recommender:{version}",
        model_digest=storage.tree_digest(artifact),
        family="popularity",
        data_version="data/1998-03-30",
        commit="4b825dc642cb6eb9a060e54bf8d69288fbee4904",
        judged_fit_until="1998-03-05T22:15:04Z",
        trained_until="1998-04-05T23:58:41Z",
        tasks=TASKS,
    )


def write_online_store(path: Path, users: dict[str, list[str]], titles: dict[str, str]) -> None:
    """users: raw user id → item ids in time order; each is a rating of 4, one a minute."""
    rows = [
        (
            pseudonym(IDENTITY_KEY, user_id),
            item_id,
            NEWEST_END_US + (place - len(item_ids)) * MINUTE_US,
        )
        for user_id, item_ids in users.items()
        for place, item_id in enumerate(item_ids)
    ]
    interactions = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp"])
    interactions["timestamp"] = pd.to_datetime(interactions["timestamp"], unit="us", utc=True)
    interactions = interactions.assign(event="rating", value=4.0, event_id=range(len(rows)))
    names = [pseudonym(IDENTITY_KEY, user_id) for user_id in users]
    items = pd.DataFrame({"item_id": ITEM_IDS, "year": 1997.0})
    items["title"] = [titles.get(item_id, "") for item_id in ITEM_IDS]
    meta = {
        "data_version": "data/1998-03-30",
        "clock_mode": "replay",
        "newest_end": str(NEWEST_END_US),
        "accepted_at": str(time.time_ns() // 1_000),
        "built_at": "2026-01-01T00:00:00Z",
    }
    online.build(
        path,
        online.AcceptedTables(interactions, [pd.DataFrame({"user_id": names, "age": "24"})], items),
        online.Kinds(users={"age": "category"}, items={"title": "text", "year": "number"}),
        meta,
        max_events=1_000,
    )


@dataclass
class Served:
    """A running slot."""

    url: str
    port: int
    home: Path
    process: subprocess.Popen[bytes]

    @property
    def log(self) -> str:
        return (self.home / "slot.log").read_text(errors="replace")

    def client(self, **headers: str) -> httpx.Client:
        authorized = {"Authorization": f"Bearer {KEY}", **headers}
        return httpx.Client(base_url=self.url, headers=authorized, timeout=15)

    def stop(self) -> None:
        self.process.terminate()
        self.process.wait(timeout=30)


def prepare_home(home: Path, artifact: Path, release: Release) -> Path:
    """Bento, keys; the source is this checkout."""
    source = home / "source"
    shutil.copytree(ROOT / "services", source / "services")
    shutil.copytree(ROOT / "requirements", source / "requirements")
    packaged = build_bento(artifact, source, release, home / "bentoml")
    (home / "identity").write_text(IDENTITY_KEY.hex() + "\n")
    (home / "api").write_text(KEY + "\n")
    return Path(packaged.bento_path)


def start(home: Path, bento: str = "recommender:v1.0.0") -> Served:
    """`bentoml serve` as the supervisor runs it; returns at once."""
    port = free_port()
    environment = {
        **{name: value for name, value in os.environ.items() if name != "PYTHONPATH"},
        "BENTOML_HOME": str(home / "bentoml"),
        "BENTOML_DO_NOT_TRACK": "True",
        "TANDEM_SLOT": "blue",
        "TANDEM_API_KEY_FILE": str(home / "api"),
        "TANDEM_IDENTITY_KEY_FILE": str(home / "identity"),
        "TANDEM_ONLINE_DB": str(home / "online.sqlite"),
    }
    command = [sys.executable, "-m", "bentoml", "serve", bento]
    command += ["--host", "127.0.0.1", "-p", str(port)]
    with (home / "slot.log").open("wb") as log:
        process = subprocess.Popen(command, cwd=home, env=environment, stdout=log, stderr=log)
    return Served(f"http://127.0.0.1:{port}", port, home, process)


def wait_until_answers(served: Served, path: str, status: int) -> httpx.Response:
    """The first answer with this status on this path."""
    return _wait(served, path, lambda answer: answer.status_code == status)


def wait_until_refused(served: Served, path: str, words: str) -> httpx.Response:
    """The first problem with these words in its code or detail."""
    return _wait(served, path, lambda answer: answer.is_error and words in answer.text)


def _wait(served: Served, path: str, is_wanted: Callable[[httpx.Response], bool]) -> httpx.Response:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert served.process.poll() is None, f"the server ended:\n{served.log}"
        try:
            answer = httpx.get(served.url + path, timeout=5)
        except httpx.TransportError:
            answer = None
        if answer is not None and is_wanted(answer):
            return answer
        time.sleep(0.1)
    raise AssertionError(f"{path} did not answer as wanted in time:\n{served.log}")
