"""The demo in a home of its own: seconds per step, memory, and the budgets of the whole.

python -m benchmarks.budgets     # ends with 4 when a budget is exceeded
"""

import json
import os
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks import record
from pipelines import supervisor
from pipelines.home import Home

TRIES = 3
SAMPLE_SECONDS = 5
BUDGETS = {"demo": 720.0, "noop_repro": 5.0, "help": 0.5, "parse": 1.0, "pss_gb": 4.0}
"""Seconds (`tandem demo`, `dvc repro` without work, `tandem --help`, a DAG file); peak in GB."""
EXCEEDED = 4
PARSE = """
import runpy, sys, time
import airflow.sdk
start = time.perf_counter()
runpy.run_path(sys.argv[1])
print(time.perf_counter() - start)
"""
BIN = Path(sys.executable).parent


def main() -> int:
    """Measures, keeps the result and says whether all budgets are kept."""
    with tempfile.TemporaryDirectory(prefix="tandem-") as folder:
        os.environ["TANDEM_HOME"] = folder
        try:
            measured = _demo(Home.find()) | {
                "noop_repro_seconds": _noop_repro(),
                "help_seconds": _median([str(BIN / "tandem"), "--help"], record.ROOT),
                "parse_seconds": {
                    path.name: _parse(path) for path in sorted((record.ROOT / "dags").glob("*.py"))
                },
            }
        finally:
            subprocess.run([str(BIN / "tandem"), "down", "--json"], cwd=record.ROOT, check=False)
    figures = {
        "demo": measured["demo_seconds"],
        "noop_repro": measured["noop_repro_seconds"],
        "help": measured["help_seconds"],
        "parse": max(measured["parse_seconds"].values()),
        "pss_gb": measured["peak_pss_gb"],
    }
    exceeded = [name for name, figure in figures.items() if figure > BUDGETS[name]]
    record.keep("budgets", {**measured, "budgets": BUDGETS, "exceeded": exceeded})
    return EXCEEDED if exceeded else 0


def _demo(home: Home) -> dict[str, Any]:
    """The demo's seconds, whole and by step, and the highest of the memory samples meanwhile."""
    samples, ended = [0.0], threading.Event()

    def sample() -> None:
        while not ended.wait(SAMPLE_SECONDS):
            samples.append(_pss_gb(home))

    sampler = threading.Thread(target=sample)
    sampler.start()
    start = time.monotonic()
    try:
        said = _tandem("demo")
    finally:
        seconds = time.monotonic() - start
        ended.set()
        sampler.join()
    steps = {timed["step"]: timed["seconds"] for timed in said["timings"]}
    return {
        "demo_seconds": round(seconds, 1),
        "step_seconds": steps,
        "peak_pss_gb": max(samples),
        "pss_gb_at_rest": _pss_gb(home),
    }


def _pss_gb(home: Home) -> float:
    """Memory of all services and of the tasks at work; a shared page counts once."""
    total = 0
    for program in supervisor.services(home):
        try:
            process = psutil.Process(program.pid) if program.pid else None
            family = [process, *process.children(recursive=True)] if process else []
        except psutil.NoSuchProcess:
            continue
        for one in family:
            try:
                total += int(one.memory_full_info().pss)
            except psutil.NoSuchProcess:
                continue
    return round(total / 1e9, 2)


def _parse(path: Path) -> float:
    """Seconds that a DAG file takes in a process that has Airflow's SDK already."""
    with tempfile.TemporaryDirectory(prefix="tandem-") as home:
        environment = {**os.environ, "PYTHONPATH": str(path.parent), "AIRFLOW_HOME": home}
        command = [sys.executable, "-c", PARSE, str(path)]
        said = [subprocess.check_output(command, env=environment, text=True) for _ in range(TRIES)]
    return round(median(float(text.split()[-1]) for text in said), 3)


def _noop_repro() -> float:
    """Seconds of `dvc repro` in a checkout of the newest version."""
    with tempfile.TemporaryDirectory(prefix="tandem-") as folder:
        checkout = Path(folder) / "checkout"
        _tandem("checkout", str(checkout))
        return _median([sys.executable, "-m", "dvc", "repro", "--quiet"], checkout)


def _median(command: list[str], folder: Path) -> float:
    seconds = []
    for _ in range(TRIES):
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    return round(median(seconds), 3)


def _tandem(*words: str) -> dict[str, Any]:
    """A verb's result."""
    command = [str(BIN / "tandem"), *words, "--json"]
    said = subprocess.run(command, cwd=record.ROOT, check=True, stdout=subprocess.PIPE).stdout
    return dict(json.loads(said))


if __name__ == "__main__":
    sys.exit(main())
