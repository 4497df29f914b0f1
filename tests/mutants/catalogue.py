"""Reads the seeded faults of catalogue.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Mutant:
    """One line of the product instead of another."""

    what: str
    """The area, a colon, and what goes wrong."""
    path: str
    line: str
    """As it stands in the file, exactly once, without its indent."""
    instead: str
    test: str
    """The test that must fail then."""


def read() -> tuple[Mutant, ...]:
    """All mutants, in the file's order."""
    content = Path(__file__).with_name("catalogue.toml").read_text()
    return tuple(Mutant(**entry) for entry in tomllib.loads(content)["mutant"])


MUTANTS = read()
