"""Budgets of the whole, on a home in which `tandem demo` has ended and its services are up.

python -m benchmarks.budgets     # ends with 4 when a budget is exceeded
"""

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import psutil

from benchmarks import record
from pipelines import supervisor
from pipelines.home import Home

TRIES = 3
BUDGETS = {"parse": 1.0, "help": 0.5, "noop_repro": 5.0, "pss_gb": 4.0}
"""Seconds (a DAG file, `tandem --help`, `dvc repro` without work); GB of all services together."""
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
    home = Home.find().require()
    measured: dict[str, Any] = {
        "parse_seconds": {
            path.name: _parse(path) for path in sorted((record.ROOT / "dags").glob("*.py"))
        },
        "help_seconds": _median([str(BIN / "tandem"), "--help"], record.ROOT),
        "noop_repro_seconds": _noop_repro(),
        "pss_gb": _pss_gb(home),
    }
    figures = {
        "parse": max(measured["parse_seconds"].values()),
        "help": measured["help_seconds"],
        "noop_repro": measured["noop_repro_seconds"],
        "pss_gb": measured["pss_gb"],
    }
    exceeded = [name for name, figure in figures.items() if figure > BUDGETS[name]]
    record.keep("budgets", {**measured, "budgets": BUDGETS, "exceeded": exceeded})
    return EXCEEDED if exceeded else 0


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
        command = [str(BIN / "tandem"), "checkout", str(checkout), "--json"]
        subprocess.run(command, cwd=record.ROOT, check=True, stdout=subprocess.DEVNULL)
        return _median([sys.executable, "-m", "dvc", "repro", "--quiet"], checkout)


def _median(command: list[str], folder: Path) -> float:
    seconds = []
    for _ in range(TRIES):
        start = time.perf_counter()
        subprocess.run(command, cwd=folder, check=True, stdout=subprocess.DEVNULL)
        seconds.append(time.perf_counter() - start)
    return round(median(seconds), 3)


def _pss_gb(home: Home) -> float:
    """Memory of all services together; a shared page counts once.

    Raises:
        RuntimeError: None runs.
    """
    programs = [psutil.Process(one.pid) for one in supervisor.services(home) if one.pid]
    if not programs:
        raise RuntimeError("no service runs: `tandem demo` first")
    family = {*programs, *(child for one in programs for child in one.children(recursive=True))}
    total = sum(int(process.memory_full_info().pss) for process in family)
    return round(total / 1e9, 2)


if __name__ == "__main__":
    sys.exit(main())
