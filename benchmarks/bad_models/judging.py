"""Sends mutants to the real gate, as a user would, and reads what it said."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from benchmarks.bad_models import hostile
from benchmarks.bad_models.workshop import SHIP, Mutant, Workshop
from pipelines.contracts.model import Verdict
from pipelines.storage import tree_digest

ROOT = Path(__file__).resolve().parents[2]
SECONDS = 900
REJECTED, HELD = 4, 99
"""Exit codes."""
PARTS = (
    "data",
    "artifacts",
    "reports",
    "datasets",
    "behaviours.yaml",
    "champion.json",
    "params.yaml",
    "run.yaml",
)
"""What a clone needs to be judged."""
KEPT = ("artifacts", "champion.json", "reports/gate.json", "reports/winner.json", hostile.LEAK)
"""What a refusal leaves as it was; the last one is there only if a hostile program has run."""


@dataclass(frozen=True)
class Refusal:
    """What the gate said of a mutant."""

    row: int
    name: str
    how: str
    wanted: str
    """The expected verdict."""
    verdict: str
    named: list[str]
    """Checks that stopped it and were expected to."""
    others: list[str]
    """Further checks that stopped it."""
    disturbed: list[str]
    """What is not as it was before."""

    @property
    def is_as_wanted(self) -> bool:
        """The expected verdict, by the named check, and nothing changed."""
        is_named = bool(self.named) or self.wanted == SHIP
        return self.verdict == self.wanted and is_named and not self.disturbed


def refusal(mutant: Mutant, verdict: str, stopped: Sequence[str], disturbed: list[str]) -> Refusal:
    """Sorts the checks that stopped a mutant into those that were meant to and the rest."""
    named = [name for name in stopped if name.startswith(mutant.checks)]
    others = [name for name in stopped if name not in named]
    return Refusal(
        mutant.row,
        mutant.name,
        mutant.how,
        mutant.verdict,
        verdict,
        named,
        others,
        disturbed,
    )


def stopped(verdict: Verdict) -> list[str]:
    """Names of the checks that decided."""
    wanted = "fail" if verdict.verdict == "reject" else "undecided"
    return [check.name for check in verdict.checks if check.verdict == wanted]


def copy_clone(clone: Path, target: Path) -> Path:
    """What a clone needs to be judged."""
    target.mkdir(parents=True)
    for name in PARTS:
        source = clone / name
        if source.is_dir():
            shutil.copytree(source, target / name)
        elif source.exists():
            shutil.copy(source, target / name)
    return target


def state(clone: Path) -> dict[str, str]:
    """A digest of everything that a refusal must leave alone."""
    return {name: _digest(clone / name) for name in KEPT}


def _digest(path: Path) -> str:
    if path.is_dir():
        return tree_digest(path)
    return path.read_text() if path.is_file() else ""


def disturbed(before: dict[str, str], after: dict[str, str], mutant: Mutant) -> list[str]:
    """What changed; the pipeline's own gate writes its verdict."""
    own = {"reports/gate.json"} if mutant.is_clone else set()
    return [name for name in KEPT if before[name] != after[name] and name not in own]


def as_json(refused: Refusal) -> dict[str, Any]:
    """A row of the result."""
    return {**asdict(refused), "as_wanted": refused.is_as_wanted}


def judged(workshop: Workshop, mutant: Mutant, scratch: Path) -> Refusal:
    """Makes a mutant in a scratch folder, and lets the command line judge it."""
    folder = scratch / mutant.name.replace(" ", "-").replace("/", "-")
    clone = workshop.clone
    if mutant.is_clone:
        clone = copy_clone(workshop.clone, folder)
        mutant.make(workshop, clone)
    else:
        mutant.make(workshop, folder)
    before = state(clone)
    words = [] if mutant.is_clone else ["--artifact", str(folder)]
    verdict, names = _tandem_gate(clone, words)
    shutil.rmtree(folder, ignore_errors=True)
    return refusal(mutant, verdict, names, disturbed(before, state(clone), mutant))


def _tandem_gate(clone: Path, words: list[str]) -> tuple[str, list[str]]:
    """The verdict, and the checks that decided it."""
    command = [sys.executable, "-m", "pipelines", "gate", *words, "--json"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TANDEM_HOME": str(clone / "var")}
    process = subprocess.run(
        command,
        cwd=clone,
        env=environment,
        check=False,
        capture_output=True,
        text=True,
        timeout=SECONDS,
    )
    if process.returncode == 0:
        return Verdict.model_validate_json(process.stdout).verdict, []
    if process.returncode not in (REJECTED, HELD):
        return f"exit {process.returncode}: {process.stdout or process.stderr[-300:]}", []
    # an error says `reject: 2 checks failed: a, b`
    verdict, _, rest = str(json.loads(process.stdout)["error"]["message"]).partition(": ")
    return verdict, rest.partition(": ")[2].split(", ")
