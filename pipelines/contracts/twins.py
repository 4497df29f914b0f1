"""What `python -m benchmarks.twins` measures: the multi-task model beside its single-task twins."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from pipelines.contracts.model import Estimate
from pipelines.contracts.record import Record

TWINS = Path("reports/twins.json")

WindowName = Literal["validation", "test"]


class Twin(Record):
    """One task, learnt alone and learnt with the others."""

    task: str
    metric: str
    window: WindowName
    together: float
    """The multi-task model's figure."""
    alone: float
    """The figure of the twin that learnt this task and no other."""
    gap: Estimate
    """Together minus alone, paired by user."""


class Twins(Record):
    """`reports/twins.json`."""

    schema_: Literal[1] = Field(1, alias="schema")
    data_version: str
    epochs: int
    """Of each fit."""
    twins: list[Twin]
