"""What a mutant is made of, and what a row of the table is."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from benchmarks.bad_models.contract import Original, forge
from benchmarks.bad_models.program import Change, Program
from pipelines.contracts.model import WINNER, Decision, Winner
from pipelines.models.examples import PreparedData
from pipelines.params import Params
from pipelines.storage import read_record

HOLD: Decision = "hold"
REJECT: Decision = "reject"
SHIP: Decision = "ship"


@dataclass(frozen=True)
class Sizes:
    """How much is too much; a small world has smaller budgets."""

    ballast_bytes: int
    growth_bytes: int
    """Per call."""
    loops: int
    """Of the busy loop."""
    short: int
    """Events; what is slow for long histories only is fast below."""
    unfair: tuple[int, int]
    """Lengths of the histories that are served badly."""


@dataclass(frozen=True)
class Workshop:
    """An evaluated clone, its honest winner and its data."""

    clone: Path
    params: Params
    sizes: Sizes

    @cached_property
    def data(self) -> PreparedData:
        """The clone's prepared tables."""
        return PreparedData.load(self.clone / "data/prepared")

    @cached_property
    def honest(self) -> Original:
        """The artifact of the winner."""
        return self.artifact(read_record(self.clone / WINNER, Winner).family)

    def artifact(self, family: str) -> Original:
        """A family's artifact."""
        return Original(self.clone / "artifacts" / family)

    def head(self, kind: str) -> int:
        """The place of the first head of a kind among the predictions."""
        heads = [t["kind"] for t in self.honest.manifest["tasks"] if t["kind"] != "retrieval"]
        return heads.index(kind)


Make = Callable[[Workshop, Path], None]
"""Writes the artifact folder of an artifact mutant, or spoils the given copy of the clone."""


@dataclass(frozen=True)
class Mutant:
    """One way to make a bad model, and what must stop it."""

    row: int
    """Of the catalogue of bad models; 0 = an honest one."""
    name: str
    how: str
    checks: tuple[str, ...]
    """Any of them counts as the named check; prefixes of a check's name."""
    make: Make
    verdict: Decision = REJECT
    is_clone: bool = False
    """Whether a clone is spoilt, and not an artifact forged."""
    is_large: bool = False
    """Whether it shows only on real data."""


def changed(change: Callable[[Workshop], Change], *, golden: bool = True, **lies: Any) -> Make:
    """Forges the honest program with a change; golden.json stays the honest one's if told so."""

    def make(workshop: Workshop, folder: Path) -> None:
        program = Program(workshop.honest, change(workshop))
        signatures = program.signatures()
        forge(workshop.honest, folder, program, signatures, golden=golden, lies=lies)

    return make


def spoilt(spoil: Callable[[Path], None]) -> Make:
    """Spoils a copy of the clone."""
    return lambda _, clone: spoil(clone)
