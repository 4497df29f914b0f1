"""The whole platform on each data set, with no change but the name: data in, verdict out.

    python -m benchmarks.datasets [NAME …] [--families FAMILY,…]

For each data set a clone of this commit with a home of its own takes in all that the source has,
then `dvc repro` trains, judges and decides. What is kept in `results/datasets.json` and
`results/datasets.md` are the figures and verdicts as the clone has written them, losses included.
Data sets that are not named keep what was measured before.
"""

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import record
from pipelines import storage
from pipelines.contracts.model import (
    GATE,
    METRICS,
    PREPARED,
    WINNER,
    Estimate,
    Metrics,
    Prepared,
    Verdict,
    Winner,
)
from pipelines.models import examples

NAMES = ("movielens-100k", "movielens-small", "completejourney")
RESULT = record.RESULTS / "datasets.json"
TABLE = record.RESULTS / "datasets.md"
METRIC = "ndcg_at_10"
PROTOCOLS = ("live", "window")
KIBIBYTE = 1024
STEPS = {
    "validate": ["-m", "pipelines", "validate", "--json"],
    "repro": ["-m", "dvc", "repro", "--quiet"],
}


def main() -> None:
    """Runs the named data sets one after the other and keeps the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", default=NAMES)
    parser.add_argument("--families", help="in the place of those of params.yaml, and no blend")
    asked = parser.parse_args()
    known = storage.read_json(RESULT)["datasets"] if RESULT.exists() else {}
    for name in asked.names:
        with tempfile.TemporaryDirectory(prefix="tandem-") as folder:
            known[name] = _measure(name, Path(folder), asked.families)
    ordered = dict(sorted(known.items(), key=lambda pair: -pair[1]["counts"]["test"]))
    storage.write_atomic(TABLE, markdown(ordered).encode())
    record.keep("datasets", {"metric": METRIC, "datasets": ordered})


def markdown(measured: Mapping[str, Mapping[str, Any]]) -> str:
    """A section with a table for each data set."""
    return "\n".join(_section(name, found) for name, found in measured.items())


def _section(name: str, found: Mapping[str, Any]) -> str:
    counts, minutes = found["counts"], found["seconds"]["all"] / 60
    rows = [
        f"| {'**' + family + '**' if family == found['winner'] else family} | "
        + " | ".join(_cell(figures.get(protocol)) for protocol in PROTOCOLS)
        + " |"
        for family, figures in found["families"].items()
    ]
    return "\n".join(
        [
            f"### {name}",
            "",
            f"{found['n_users']:,} users of the test window with {counts['test']:,} events, "
            f"{counts['items']:,} items, {counts['train']:,} events to learn from. "
            f"{minutes:.0f} min, {found['peak_gb']:.1f} GB at most in one process.",
            "",
            "| family | NDCG@10, live | NDCG@10, window |",
            "|---|---|---|",
            *rows,
            "",
            f"Verdict: **{found['verdict']}** of {found['winner']}. {found['reason']}",
            "",
        ]
    )


def _cell(figure: Mapping[str, Any] | None) -> str:
    if figure is None:
        return "-"
    value = f"{figure['value']:.4f}"
    return (
        value if figure["low"] is None else f"{value} ({figure['low']:.4f} … {figure['high']:.4f})"
    )


def _measure(name: str, folder: Path, families: str | None) -> dict[str, Any]:
    """Everything in a clone of its own."""
    clone = folder / "clone"
    record.clone_to(clone)
    _rename(clone / "params.yaml", name, families)
    environment = {**os.environ, "PYTHONPATH": str(clone), "TANDEM_HOME": str(folder / "home")}
    keys = json.loads(
        subprocess.check_output(
            [sys.executable, "-m", "pipelines", "ingest", "--list", "--json"],
            cwd=clone,
            env=environment,
        )
    )["keys"]
    steps = {"ingest": ["-m", "pipelines", "ingest", "--from", keys[0], "--json"], **STEPS}
    seconds, peak = {}, 0
    for step, words in steps.items():
        seconds[step], memory = _run([sys.executable, *words], clone, environment)
        peak = max(peak, memory)
    seconds["all"] = round(sum(seconds.values()), 1)
    return {**_found(clone), "seconds": seconds, "peak_gb": round(peak / 1e9, 2)}


def _rename(params: Path, name: str, families: str | None) -> None:
    """The one change: the data set's name; and the families, where only some are asked for."""
    text = re.sub(r"(?m)^dataset: \S+", f"dataset: {name}", params.read_text())
    if families:
        text = re.sub(r"(?m)^families: \[[^]]*\]", f"families: [{families}]", text)
        text = re.sub(r"(?m)^blends: \[[^]]*\]", "blends: []", text)
    params.write_text(text)


def _run(command: Sequence[str], folder: Path, environment: Mapping[str, str]) -> tuple[float, int]:
    """Seconds, and the highest memory in bytes of one process among it and what it started."""
    start = time.monotonic()
    process = subprocess.Popen(
        command, cwd=folder, env=dict(environment), stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    code = process.returncode = os.waitstatus_to_exitcode(status)
    if code:
        raise subprocess.CalledProcessError(code, command)
    return round(time.monotonic() - start, 1), usage.ru_maxrss * KIBIBYTE


def _found(clone: Path) -> dict[str, Any]:
    """What the clone's own reports say."""
    prepared = storage.read_record(clone / PREPARED / examples.PREPARED, Prepared)
    metrics = storage.read_record(clone / METRICS, Metrics)
    verdict = storage.read_record(clone / GATE, Verdict)
    live = metrics.test["live"]
    return {
        "data_version": prepared.data_version,
        "counts": prepared.counts.model_dump(),
        "n_users": next(iter(live.values()))[METRIC].n_users,
        "families": {family: _figures(metrics, family) for family in live},
        "winner": storage.read_record(clone / WINNER, Winner).family,
        "verdict": verdict.verdict,
        "reason": verdict.reason,
        "commit": record.commit(),
    }


def _figures(metrics: Metrics, family: str) -> dict[str, Any]:
    """By protocol, the metric of a family."""
    found: dict[str, Estimate] = {
        protocol: figures[family][METRIC]
        for protocol, figures in metrics.test.items()
        if METRIC in figures.get(family, {})
    }
    return {protocol: estimate.model_dump() for protocol, estimate in found.items()}


if __name__ == "__main__":
    main()
