"""The machine: interpreter, packages, programs, SQLite, disk and memory."""

import os
import shutil
import sqlite3
import sys
from pathlib import Path

import psutil

from pipelines import packages
from pipelines.contracts.doctor import Finding
from pipelines.doctor.findings import GIGABYTE, fail, ok, warn
from pipelines.errors import places
from pipelines.home import Home

ROOT = Path(__file__).resolve().parents[2]
LOCK = Path("requirements/requirements.lock")
SET_UP = "run `make set-up`"
PYTHON = (3, 11)
PROGRAMS = {"git": "apt-get install git", "curl": "apt-get install curl", "envoy": SET_UP}
NEEDED_DISK_BYTES = 2e9  # clones, artifacts and Bentos of some runs
NEEDED_MEMORY_BYTES = 4e9  # Airflow, gateway and both slots take 2.4, a training 1.3
WAL_BUG = ((3, 7, 0), (3, 51, 3))  # first affected version, first mended one
WAL_BUG_MENDED = {(3, 44): 6, (3, 50): 7}  # older lines that have the correction, and since when


def python(name: str, version: tuple[int, int] = sys.version_info[:2]) -> Finding:
    """Whether this is the Python that all versions were tested with."""
    wanted, found = (".".join(map(str, numbers)) for numbers in (PYTHON, version))
    if version != PYTHON:
        return fail(name, f"{found}; {wanted} is needed", f"apt-get install python{wanted}")
    return ok(name, f"{sys.version.split()[0]}, {sys.executable}")


def installed(name: str, root: Path = ROOT) -> Finding:
    """Whether what is installed is what the lock file says."""
    lock = root / LOCK
    if not lock.is_file():
        return warn(name, f"there is no {LOCK} to compare with", "run doctor in a clone")
    text = lock.read_text(encoding="utf-8")
    other = packages.differences(text)
    if other:
        return fail(name, f"{len(other)} are not as {LOCK} says: {places(other)}", SET_UP)
    return ok(name, f"all {len(packages.pins(text))} as {LOCK} says")


def programs(name: str) -> Finding:
    """Whether the programs that we start are there."""
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", os.defpath)])
    missing = [program for program in PROGRAMS if shutil.which(program, path=path) is None]
    if missing:
        hints = dict.fromkeys(PROGRAMS[program] for program in missing)
        return fail(name, f"missing: {', '.join(missing)}", "; ".join(hints))
    return ok(name, ", ".join(PROGRAMS))


def sqlite(name: str, version: tuple[int, int, int] = sqlite3.sqlite_version_info) -> Finding:
    """Whether SQLite may lose commits in WAL mode while several processes write."""
    text = ".".join(map(str, version))
    first, mended = WAL_BUG
    since = WAL_BUG_MENDED.get((version[0], version[1]))
    if first <= version < mended and (since is None or version[2] < since):
        return warn(
            name,
            f"{text} has the WAL-reset bug: a commit beside a checkpoint may be lost",
            "with several writers (Airflow's own database) use PostgreSQL: "
            "`up.airflow_database` in params.yaml",
        )
    return ok(name, text)


def disk(name: str, home: Home, needed: float = NEEDED_DISK_BYTES) -> Finding:
    """Whether there is room for what runs write."""
    folder = next(path for path in (home.path, *home.path.parents) if path.exists())
    free = shutil.disk_usage(folder).free
    detail = f"{free / GIGABYTE:.1f} GB free at {folder}; {needed / GIGABYTE:.1f} GB are needed"
    return ok(name, detail) if free >= needed else fail(name, detail, "free some space there")


def memory(name: str, total: float | None = None) -> Finding:
    """Whether everything at once fits into memory."""
    there = psutil.virtual_memory().total if total is None else total
    needed = f"{NEEDED_MEMORY_BYTES / GIGABYTE:.0f} GB"
    detail = f"{there / GIGABYTE:.1f} GB; Airflow, both slots and a training take {needed}"
    if there >= NEEDED_MEMORY_BYTES:
        return ok(name, detail)
    return warn(name, detail, "run without Airflow (`-P up.airflow=false`), or train elsewhere")
