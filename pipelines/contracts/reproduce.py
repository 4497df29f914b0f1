"""What `reproduce` reports."""

from typing import Literal

from pydantic import Field

from pipelines.contracts.record import Record


class Rebuilt(Record):
    """One output of a stage, as its commit says and as it was rebuilt."""

    stage: str
    """A DVC stage, or `data` for the accepted tables that the stages read."""
    path: str
    expected: str | None
    """MD5 in the commit's `dvc.lock`; null where it does not name the output."""
    found: str | None
    """MD5 of what was rebuilt; null where it was not."""
    equal: bool


class Figure(Record):
    """A figure of `reports/metrics.json` that came out otherwise."""

    name: str
    expected: float | str | None
    found: float | str | None


class Figures(Record):
    """How the rebuilt `reports/metrics.json` compares."""

    compared: int
    different: int
    largest: list[Figure]
    """The ten that differ most, relative to their size."""


class Reproduction(Record):
    """A registered version, rebuilt from its commit."""

    schema_: Literal[1] = Field(1, alias="schema")
    version: str
    commit: str
    equal: bool
    """Whether every output, the served model's digest and every figure came out the same."""
    stages: list[Rebuilt]
    model_digest: str
    """As registered."""
    rebuilt_digest: str
    figures: Figures
    notes: list[str]
    """What may explain a difference."""
    seconds: float
