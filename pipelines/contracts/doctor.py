"""What `doctor` reports."""

from typing import Literal

from pydantic import Field

from pipelines.contracts.record import Record

Health = Literal["ok", "warn", "fail"]


class Finding(Record):
    """What one check of the environment or the home found."""

    name: str
    verdict: Health
    detail: str
    hint: str = ""
    """How to mend it; empty where there is nothing to mend."""


class Diagnosis(Record):
    """All findings."""

    schema_: Literal[1] = Field(1, alias="schema")
    home: str | None
    """Null where there is neither a clone nor TANDEM_HOME."""
    healthy: bool
    """Whether no check failed; warnings do not count."""
    checks: list[Finding]
    repaired: list[str]
    """Lock files that `--repair` removed."""
    seconds: float
