"""What ingest, validate and their readers exchange: landing, decisions and accepted partitions."""

from pathlib import Path
from typing import Literal

from pydantic import Field

from pipelines.contracts.record import Record

TABLES: tuple["TableName", ...] = ("interactions", "items", "users")
"""In the order of reading and writing; `users` may be absent."""
LANDED_FILE = Path("var/landed.json")
"""What the last `ingest` in this clone landed."""
REPORTS = Path("reports/validation")
"""Decisions of accepted partitions, in this clone."""
ACCEPTED = Path("data")
"""Accepted tables, in this clone."""

TableName = Literal["interactions", "items", "users"]
Decision = Literal["ACCEPT", "ACCEPT_WITH_QUARANTINE", "REJECT", "ERROR"]
Severity = Literal["critical", "warning", "info"]
Level = Literal["row", "value", "table"]
Outcome = Literal["passed", "failed", "raised"]


class IngestRequest(Record):
    """Which KEYs to land: a range, one KEY from a file, or (nothing given) the next one."""

    from_key: str | None = None
    to_key: str | None = None
    partition: str | None = None
    file: Path | None = None


class Notice(Record):
    """Something a person should know; it decides nothing."""

    slug: str
    text: str


class LandedTable(Record):
    """One table of a landing."""

    rows: int
    sha256: str
    """Of the Parquet file."""


class LandingManifest(Record):
    """`manifest.json` of a landing; written last, so a folder without it does not exist."""

    schema_: Literal[1] = Field(1, alias="schema")
    dataset: str
    key: str
    revision: int
    """1 for the first content landed for the KEY, then 2, 3, …"""
    digest: str
    """SHA-256 over the rows of all tables, on whatever lines of the source they were."""
    source_digest: str
    source: str
    """The requirement or the file's name."""
    tables: dict[TableName, LandedTable]
    notices: list[Notice]


class LandedKey(Record):
    """One landing that a run of ingest made or found."""

    key: str
    revision: int
    path: str
    digest: str
    rows: int


class Landed(Record):
    """`var/landed.json`: what validate judges."""

    schema_: Literal[1] = Field(1, alias="schema")
    dataset: str
    keys: list[LandedKey]


class IngestRecord(Record):
    """What `ingest` did."""

    schema_: Literal[1] = Field(1, alias="schema")
    dataset: str
    source: str
    source_digest: str
    landed: list[LandedKey]
    unchanged: list[str]
    """KEYs of the range that are accepted already, with equal content."""
    notices: list[Notice]


class SourceKeys(Record):
    """What `ingest --list` finds in the source."""

    schema_: Literal[1] = Field(1, alias="schema")
    dataset: str
    source: str
    keys: list[str]
    """Every KEY that has rows, in order."""


class Example(Record):
    """A row that a check did not expect, fit to be shown: no user id is in the clear."""

    line: int
    """In the source."""
    user: str
    """The start of the pseudonym; empty where the table has no users."""
    item: str
    """The item's id; the start of a pseudonym where no snapshot knows it."""
    column: str
    """The column that the check is about."""
    value: str
    """What it holds, shortened."""


class Check(Record):
    """The outcome of one expectation, or of the reader."""

    table: str
    check: str
    """Unique within the table: column and slug."""
    slug: str
    level: Level
    severity: Severity
    outcome: Outcome
    n_checked: int
    n_unexpected: int
    limit: float | None = None
    """For rows and values: the share that may fail."""
    observed: str
    """What was seen, without any id."""
    reason: str
    """What it means when it fails."""
    hint: str
    lines: list[int]
    """Source lines of the first failures."""
    examples: list[Example] = Field(default_factory=list)
    """The first of those rows."""


class Rows(Record):
    """Where every row that was read went: read = accepted + quarantined + dropped."""

    read: int
    accepted: int
    quarantined: int
    dropped: int
    """Copies of a row that was accepted."""


class PartitionReport(Record):
    """The decision over one partition: `validation/KEY.json`, and the history of later ones."""

    schema_: Literal[1] = Field(1, alias="schema")
    dataset: str
    key: str
    decision: Decision
    tag: str | None
    """The data version, `data/KEY` or `data/KEY.rN`; null unless accepted."""
    revision: int | None
    sequence: int | None
    """1 for the first accepted partition, then counting every acceptance."""
    accepted_at: str | None
    period_start: str
    period_end: str
    first_event: str | None
    last_event: str | None
    rows_read: int
    rows: int
    """Accepted interactions; for a refused partition 0."""
    quarantined: int
    dropped: int
    users: int
    items: int
    value_mean: float | None
    value_sd: float | None
    value_histogram: list[int]
    """Rows in equal bins over the value scale."""
    tables: dict[TableName, Rows]
    landing_revision: int
    landing_digest: str
    source_digest: str
    content_digest: str
    """Over the rows as landed, times left out: equal for a partition that comes again."""
    checks: list[Check]
    notices: list[Notice]


class AcceptedManifest(Record):
    """`manifest.json` beside an accepted table."""

    schema_: Literal[1] = Field(1, alias="schema")
    key: str
    revision: int
    tag: str
    sequence: int
    rows: int
    sha256: str
    source_digest: str


class Judged(Record):
    """One line of `validate`'s answer."""

    key: str
    decision: Decision
    tag: str | None
    rows: int
    quarantined: int
    dropped: int
    report: str


class ValidateRecord(Record):
    """What `validate` decided."""

    schema_: Literal[1] = Field(1, alias="schema")
    dataset: str
    partitions: list[Judged]
