"""How a figure is kept: what was measured, of which commit, on what machine, by which command."""

import json
import os
import platform
import subprocess
import sys
from pathlib import Path
from typing import Any

import psutil

from pipelines import storage

ROOT = Path(__file__).resolve().parents[1]
RESULTS = Path(__file__).with_name("results")


def keep(name: str, measured: dict[str, Any]) -> None:
    """Prints a result as one JSON object and writes it to `results/NAME.json`."""
    result = {
        **measured,
        "commit": commit(),
        "machine": {
            "cores": os.cpu_count(),
            "memory_gb": round(psutil.virtual_memory().total / 1e9, 1),
            "system": platform.platform(),
            "python": platform.python_version(),
        },
        "command": f"python -m benchmarks.{name} {' '.join(sys.argv[1:])}".strip(),
        "measured_at": storage.rfc3339(storage.now_utc()),
    }
    storage.write_json(RESULTS / f"{name}.json", result)
    print(json.dumps(result))


def clone_to(folder: Path) -> None:
    """Clones the newest commit of this repository."""
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(folder)], check=True)


def commit() -> str:
    """The commit, with `+` where the working tree differs."""
    words = ["git", "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
    return subprocess.run(
        words, cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()


def put_in(page: Path, name: str, text: str) -> None:
    """Replaces what stands in a page between `<!-- NAME -->` and `<!-- /NAME -->`."""
    before, opened, rest = page.read_text().partition(f"<!-- {name} -->\n")
    _, closed, after = rest.partition(f"<!-- /{name} -->")
    if not opened or not closed:
        raise ValueError(f"{page.name} has no place for {name}")
    storage.write_atomic(page, f"{before}{opened}{text}{closed}{after}".encode())
