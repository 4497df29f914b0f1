"""What `demo` and `simulate` report."""

from typing import Any, Literal

from pydantic import Field

from pipelines.contracts.record import Record


class Timed(Record):
    """How long a part took."""

    step: str
    seconds: float


class Shown(Record):
    """One item of the slate that the demo shows."""

    rank: int
    item_id: str
    title: str | None
    score: float
    predictions: dict[str, float]
    """By task, in natural units."""


class Demo(Record):
    """What `tandem demo` ends with."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    champion: dict[str, Any]
    """The chain of ids, as in `tandem status`."""
    verdict: dict[str, Any]
    """The last verdict, as in `tandem status`."""
    user_id: str
    slate: list[Shown]
    curl: str
    """A command line that asks for the same slate."""
    airflow: str
    reports: list[str]
    timings: list[Timed]


class Arrival(Record):
    """What came of one partition that arrived."""

    partition: str
    data_tag: str
    verdict: str
    """ship, hold or reject."""
    reason: str | None
    version: str | None
    """The version that went live; null when none did."""


class Simulated(Record):
    """What `tandem simulate` ends with."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    arrivals: list[Arrival]
