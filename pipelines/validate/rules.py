"""The words of an expectation: a rule about one column, its limit, and what its failure means."""

from dataclasses import dataclass

from pipelines.contracts.data import Check, Level, Severity


@dataclass(frozen=True)
class Within:
    """Values from `low` to `high`; a text names a parameter of the run."""

    low: float | str | None = None
    high: float | str | None = None
    open_end: bool = False


@dataclass(frozen=True)
class Length:
    """Texts of `low` to `high` characters."""

    low: int | None = None
    high: int | None = None


@dataclass(frozen=True)
class OneOf:
    """Values of a set."""

    values: tuple[object, ...]


@dataclass(frozen=True)
class NoneOf:
    """Values outside a set."""

    values: tuple[object, ...]


@dataclass(frozen=True)
class Like:
    """Texts that match a pattern."""

    pattern: str


@dataclass(frozen=True)
class Unlike:
    """Texts that do not match a pattern."""

    pattern: str


@dataclass(frozen=True)
class Absent:
    """No value at all."""


@dataclass(frozen=True)
class Present:
    """A value."""


Rule = Within | Length | OneOf | NoneOf | Like | Unlike | Absent | Present


@dataclass(frozen=True)
class Expected:
    """One expectation about one column."""

    column: str
    rule: Rule
    slug: str
    reason: str
    """What it means when it fails."""
    hint: str = ""
    level: Level = "row"
    severity: Severity = "critical"
    limit: float = 0.0
    """Share of rows that may fail; 0: none."""
    beyond: str = ""
    """The slug when the limit is passed, if it is another one."""

    @property
    def check(self) -> str:
        """A name, unique within the table."""
        return f"{self.column}.{self.slug}"


@dataclass(frozen=True)
class Finding:
    """The outcome of one expectation, and the positions of the rows that it did not expect."""

    check: Check
    positions: list[int]
