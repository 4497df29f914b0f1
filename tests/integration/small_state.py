"""A home whose state repository holds a small program instead of the platform (small_program.py).

Git, DVC and the run wrapper are the real ones; only the verbs inside a run's clone are small.
"""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines import storage
from pipelines.contracts.data import PartitionReport
from pipelines.contracts.model import TrainReport, Verdict, Winner
from pipelines.contracts.state import Committed
from pipelines.home import Home
from pipelines.init import step as init
from pipelines.params import Params
from pipelines.register import step as register
from pipelines.state import runs
from pipelines.state.repository import Repository

REPOSITORY = Path(__file__).resolve().parents[2]
COPIED = (".dvc/config", ".dvc/.gitignore", ".dvcignore", ".gitignore", "params.yaml")
FAMILIES = ("popularity", "cf", "multitask")
DVC_YAML = """\
vars: [params.yaml]
stages:
  prepare:
    cmd: python -m pipelines prepare
    deps: [data/interactions, data/items, data/users]
    params: [{run.yaml: [kind]}]
    outs: [data/prepared]
  train:
    matrix: {family: "${families}"}
    cmd: python -m pipelines train --family ${item.family}
    deps: [data/prepared, pipelines/models]
    params: ["${item.family}"]
    outs: ["artifacts/${item.family}"]
    metrics: ["reports/train/${item.family}.json": {cache: false}]
  evaluate:
    cmd: python -m pipelines evaluate
    deps: [artifacts/popularity, artifacts/cf, artifacts/multitask]
    outs: [reports/winner.json: {cache: false}]
    metrics: [reports/metrics.json: {cache: false}]
  refit:
    cmd: python -m pipelines refit
    deps: [data/prepared, reports/winner.json]
    outs: [artifacts/refit]
  gate:
    cmd: python -m pipelines gate
    deps: [artifacts/refit, champion.json, data/interactions]
    outs: [reports/gate.json: {cache: false}]
"""


@dataclass(frozen=True)
class SmallState:
    """The home, and the repository that it was made from."""

    home: Home
    source: Path

    @property
    def state(self) -> Repository:
        """The state repository."""
        return Repository(self.home.state_repo)

    def order(self, verb: str, what: str) -> None:
        """What the small program shall do when it comes to that verb, once."""
        file = self.home.path / "orders" / verb
        file.parent.mkdir(exist_ok=True)
        file.write_text(what)

    def accept(self, run_id: str, key: str, rows: str = "1") -> None:
        """Opens a run and takes its partition through validate; nothing is committed."""
        runs.open_run(self.home, run_id)
        assert runs.step(self.home, run_id, "ingest", [key, rows]) == 0
        assert runs.step(self.home, run_id, "validate") == 0

    def ingested(self, run_id: str, key: str, rows: str = "1") -> Committed:
        """A whole ingestion."""
        self.accept(run_id, key, rows)
        return runs.commit(self.home, run_id)

    def train(self, run_id: str) -> None:
        """Opens a run and does all its stages; nothing is committed."""
        runs.open_run(self.home, run_id)
        assert runs.step(self.home, run_id, "gate") == 0

    def tandem(self, *words: str, under: Sequence[str] = ()) -> "subprocess.CompletedProcess[str]":
        """The command line in a process of its own, as a child of `under`'s program."""
        command = [*under, sys.executable, "-B", "-m", "pipelines", *words]
        return subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, check=False)

    def worked(self) -> list[str]:
        """The verbs that really ran, in order."""
        log = self.home.path / "worked.log"
        return [line.split()[0] for line in log.read_text().splitlines()] if log.exists() else []


def make(root: Path, monkeypatch: pytest.MonkeyPatch, verdict: str = "ship") -> SmallState:
    """A scratch repository with one commit, and the home that `init` makes of it."""
    source, home = root / "source", Home(root / "home")
    _write_source(source, verdict)
    git(source, "init", "--quiet", "--initial-branch=work")
    git(source, "add", "--all")
    git(source, "commit", "--quiet", "--message=Begin")
    small = SmallState(home, source)
    _enter(root, small, monkeypatch)
    init.run(Params.load(), None)
    return small


def grown(folder: Path, key: str) -> Iterator[SmallState]:
    """A state with one accepted partition, for as long as a fixture lives."""
    with pytest.MonkeyPatch.context() as monkeypatch:
        small = make(folder, monkeypatch)
        small.ingested("first", key)
        yield small


def trained(folder: Path, key: str) -> Iterator[SmallState]:
    """A state with one accepted partition and one version, which its run `training` made.

    The working directory is that run's clone, for as long as a fixture lives.
    """
    for small in grown(folder, key):
        small.train("training")
        runs.commit(small.home, "training")
        os.chdir(small.home.runs / "training")
        register.run()
        yield small


def copy_of(other: SmallState, root: Path, monkeypatch: pytest.MonkeyPatch) -> SmallState:
    """A home of its own with the same state, cache and remote, and no runs."""
    copied = SmallState(Home(root / "home"), root / "source")
    shutil.copytree(other.source, copied.source)
    shutil.copytree(other.home.path, copied.home.path, ignore=shutil.ignore_patterns("runs"))
    copied.home.ensure()
    (copied.home.path / "worked.log").unlink(missing_ok=True)
    _enter(root, copied, monkeypatch)
    return copied


def _enter(root: Path, small: SmallState, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TANDEM_HOME", str(small.home.path))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(root / "no-gitconfig"))
    monkeypatch.delenv("TANDEM_IDENTITY_KEY", raising=False)
    monkeypatch.chdir(small.source)


def git(folder: Path, *words: str) -> str:
    """Git as a person with a name would run it."""
    who = ("-c", "user.name=Somebody", "-c", "user.email=somebody@localhost")
    done = subprocess.run(
        ["git", *who, *words], cwd=folder, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def _write_source(source: Path, verdict: str) -> None:
    for name in COPIED:
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(REPOSITORY / name, source / name)
    params = source / "params.yaml"
    fewer = re.sub("(?m)^families: .*$", f"families: [{', '.join(FAMILIES)}]", params.read_text())
    params.write_text(re.sub("(?m)^blends: .*$", "blends: []", fewer))
    shutil.copytree(REPOSITORY / "datasets", source / "datasets")
    files = {
        "dvc.yaml": DVC_YAML,
        "run.yaml": "kind: recipe\n",
        "champion.json": '{"version": null}\n',
        "pipelines/__init__.py": "",
        "pipelines/__main__.py": Path(__file__).with_name("small_program.py").read_text(),
        "pipelines/models/popularity/model.py": "first\n",
        "dags/recommender_ingestion.py": "",
        "templates/partition.json": json.dumps(_partition()),
        "templates/train.json": json.dumps(_train()),
        "templates/winner.json": json.dumps(_winner()),
        "templates/gate.json": json.dumps(_gate(verdict)),
    }
    for name, text in files.items():
        storage.write_atomic(source / name, text.encode())


def _partition() -> dict[str, object]:
    report = PartitionReport(
        dataset="movielens-100k",
        key="1998-03-09",
        decision="ACCEPT",
        tag=None,
        revision=None,
        sequence=None,
        accepted_at="2026-01-01T00:00:00Z",
        period_start="1998-03-09T00:00:00Z",
        period_end="1998-03-16T00:00:00Z",
        first_event=None,
        last_event=None,
        rows_read=1,
        rows=1,
        quarantined=0,
        dropped=0,
        users=1,
        items=1,
        value_mean=None,
        value_sd=None,
        value_histogram=[],
        tables={},
        landing_revision=1,
        landing_digest="0" * 64,
        source_digest="0" * 64,
        content_digest="0" * 64,
        checks=[],
        notices=[],
    )
    return report.model_dump(mode="json", by_alias=True)


def _train() -> dict[str, object]:
    report = TrainReport(
        family="popularity",
        validation=None,
        validation_users=None,
        epochs=3,
        calibration={"like": {"slope": 1.0}},
        learning_curve=[],
        params={},
        code_digest="0" * 64,
        artifact_digest="0" * 64,
        fit_until=1,
    )
    return report.model_dump(mode="json", by_alias=True)


def _winner() -> dict[str, object]:
    winner = Winner(
        kind="recipe",
        family="popularity",
        params={},
        epochs=3,
        calibration={},
        code_digest="0" * 64,
        artifact_digest="0" * 64,
        fit_until=880_000_000_000_000,
        prepared_digest="0" * 64,
        chosen_by="ndcg_at_10",
        scores={"popularity": 0.1},
    )
    return winner.model_dump(mode="json", by_alias=True)


def _gate(verdict: str) -> dict[str, object]:
    failed = {"name": "beats popularity", "value": 0.1, "threshold": 0.0, "reason": "below"}
    judged = Verdict.model_validate(
        {
            "schema": 1,
            "verdict": verdict,
            "kind": "recipe",
            "reason": "all checks passed" if verdict == "ship" else "too little evidence",
            "winner": "popularity",
            "champion": None,
            "data_version": "data/1998-03-09",
            "checks": [{**failed, "verdict": "fail"}] if verdict == "reject" else [],
        }
    )
    return judged.model_dump(mode="json", by_alias=True)
