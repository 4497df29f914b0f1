"""What Airflow adds: DAG runs of ingestion and training against the same commands without it.

    python -m benchmarks.dag_overhead            # MovieLens-100K, default parameters
    python -m benchmarks.dag_overhead --quick    # popularity alone: minutes less

Two homes of one commit and one key take the same KEY in and train on it: one through Airflow, the
other by the commands that its tasks run. Airflow is up while either works, and who begins changes
with each pair.
"""

import argparse
import json
import os
import secrets
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks import record
from pipelines.airflow import INGESTION, TRAINING, Airflow, Deadline, follow
from pipelines.home import Home
from pipelines.progress import log

INGEST = (("run", "open"), ("ingest",), ("validate",), ("run", "commit"))
TRAIN = (
    ("run", "open"),
    *((stage,) for stage in ("prepare", "train", "evaluate", "refit", "gate")),
    ("run", "commit"),
    ("register",),
)
JUDGED = (0, 4, 99)
"""`register` after ship, reject and hold."""
QUICK = ("families=[popularity]", "blends=[]")
FIRST_KEYS = 20
"""Both homes begin with so many."""
PATIENCE_SECONDS = 3600
PORTS = {"airflow": 18080, "gateway": 18000, "admin": 19901, "blue": 13001, "green": 13002}
GOAL = 1.3


@dataclass(frozen=True)
class Side:
    """A home, and `tandem` on it in a clone."""

    clone: Path
    home: Path
    key: str
    overrides: tuple[str, ...]

    def tandem(self, *words: str, allowed: tuple[int, ...] = (0,)) -> str:
        """A verb's stdout.

        Raises:
            CalledProcessError: It ended with another code than is allowed.
        """
        command = [str(Path(sys.executable).with_name("tandem")), *words]
        variables = {"TANDEM_HOME": str(self.home), "TANDEM_IDENTITY_KEY": self.key}
        environment = {**os.environ, **variables}
        ended = subprocess.run(
            command, cwd=self.clone, env=environment, stdout=subprocess.PIPE, text=True, check=False
        )
        if ended.returncode not in allowed:
            raise subprocess.CalledProcessError(ended.returncode, command)
        return ended.stdout

    def configured(self, *words: str) -> str:
        """A verb that takes parameters, with this session's."""
        return self.tandem(*words, *(f"-P{override}" for override in self.overrides))

    def work(self, run: str, tasks: tuple[tuple[str, ...], ...], *words: str) -> dict[str, float]:
        """Does a DAG's tasks as its operators do; `words` go to `ingest`.

        Returns:
            Seconds by task.
        """
        seconds = {}
        for *wrapper, verb in tasks:
            command = [*wrapper, verb, run] if wrapper else ["run", "step", run, verb]
            command += words if verb == "ingest" else ()
            start = time.monotonic()
            self.tandem(*command, allowed=JUDGED if verb == "register" else (0,))
            seconds[verb] = round(time.monotonic() - start, 2)
        return seconds


def main() -> None:
    """Measures so many pairs and keeps their sums."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="popularity alone")
    parser.add_argument("--pairs", type=int, default=1, help="how many KEYs are measured")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="tandem-") as folder:
        by_dag, bare = _sides(Path(folder), QUICK if arguments.quick else ())
        try:
            pairs = _measure(by_dag, bare, arguments.pairs)
        finally:
            by_dag.tandem("down")
    dag, commands = (sum(pair[f"{name}_seconds"] for pair in pairs) for name in ("dag", "bare"))
    record.keep(
        "dag_overhead",
        {
            "dag_seconds": round(dag / len(pairs), 1),
            "bare_seconds": round(commands / len(pairs), 1),
            "ratio": round(dag / commands, 3),
            "goal": GOAL,
            "parameters": "popularity alone" if arguments.quick else "default",
            "pairs": pairs,
        },
    )


def _sides(folder: Path, overrides: tuple[str, ...]) -> tuple[Side, Side]:
    """Two homes of one commit, with the same first KEYs."""
    clone, key = folder / "clone", secrets.token_hex(32)
    record.clone_to(clone)
    ports = tuple(f"up.{name}_port={port}" for name, port in PORTS.items())
    by_dag, bare = (
        Side(clone, folder / name, key, (*overrides, *ports)) for name in ("dag", "bare")
    )
    for side in (by_dag, bare):
        side.configured("init", "--json")
        keys = json.loads(side.configured("ingest", "--list", "--json"))["keys"]
        side.work("first", INGEST, f"--to={keys[FIRST_KEYS - 1]}")
    return by_dag, bare


def _measure(by_dag: Side, bare: Side, pairs: int) -> list[dict[str, Any]]:
    by_dag.configured("up", "--next-free-ports", "--json")
    airflow = Airflow.of(Home(by_dag.home))
    for dag_id in (INGESTION, TRAINING):  # nothing is deployed
        look = partial(_known, airflow, dag_id)
        Deadline(PATIENCE_SECONDS).wait_for(look, dag_id, lambda: "")
        airflow.unpause(dag_id)
    measured: list[dict[str, Any]] = []
    for number in range(pairs):
        sides = {"dag": partial(_by_dag, airflow), "bare": partial(_by_commands, bare, number)}
        pair: dict[str, Any] = {}
        for name in sides if number % 2 == 0 else reversed(sides):
            start = time.monotonic()
            pair[f"{name}_tasks"] = sides[name]()
            pair[f"{name}_seconds"] = round(time.monotonic() - start, 1)
        log(f"pair {number + 1} of {pairs}: {pair}")
        measured.append(pair)
    return measured


def _known(airflow: Airflow, dag_id: str) -> bool | None:
    return airflow.knows(dag_id) or None


def _by_commands(bare: Side, number: int) -> dict[str, dict[str, float]]:
    """Seconds by task."""
    return {
        "ingestion": bare.work(f"ingestion-{number}", INGEST),
        "training": bare.work(f"training-{number}", TRAIN),
    }


def _by_dag(airflow: Airflow) -> dict[str, dict[str, float]]:
    """Seconds by task, as Airflow has them."""
    deadline = Deadline(PATIENCE_SECONDS)
    ingestion = follow(airflow, airflow.trigger(INGESTION, {}), deadline)
    started = deadline.wait_for(
        lambda: airflow.set_off(ingestion.run, TRAINING), "the training", lambda: ""
    )
    training = follow(airflow, started, deadline)
    return {
        name: {task.task_id: round(task.seconds, 2) for task in finished.tasks}
        for name, finished in (("ingestion", ingestion), ("training", training))
    }


if __name__ == "__main__":
    main()
