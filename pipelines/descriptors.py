"""Data set descriptors: where data comes from, what its columns mean, what is learnt from it."""

import math
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any, Literal
from zoneinfo import available_timezones

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    field_validator,
    model_validator,
)

from pipelines.errors import UnknownDataset
from pipelines.yaml_records import read_yaml, refused

FOLDER = Path("datasets")
NAME = r"^[a-z0-9][a-z0-9-]{0,63}$"
FIELD = r"^[a-z][a-z0-9_]{0,63}$"
SHA256 = r"^[0-9a-f]{64}$"
TAG_SEPARATOR = "|"
RESERVED = {"item_id", "user_id", "source_line", "fault", "copies", "is_conflict"}
"""Columns that stand beside the features of items and users while these are judged."""

FeatureKind = Literal["category", "tags", "number", "text", "timestamp"]
Unit = Literal["seconds", "milliseconds", "microseconds", "nanoseconds", "iso8601"]
Grain = Literal["hour", "day", "week", "month"]
Clock = Literal["wall", "replay"]
FieldName = Annotated[str, Field(pattern=FIELD)]
Digest = Annotated[str, Field(pattern=SHA256)]


class Part(BaseModel):
    """A frozen, strict part of a descriptor: unknown keys are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class TextFormat(Part):
    """How a file is written. Nothing is guessed; Parquet needs no words, it says so itself."""

    kind: Literal["delimited", "jsonl", "pickle"] = "delimited"
    """`jsonl`: one JSON object a line. `pickle`: a pandas frame, read as data and never run."""
    delimiter: str = Field(",", min_length=1, max_length=2)
    """One character, or two (`::`) where nothing is quoted."""
    encoding: Literal["utf-8", "utf-16", "latin-1"] = "utf-8"
    quoted: bool = True
    """Fields may stand in double quotes; false: a quote is a character like any other."""
    strip: bool = False
    """Blanks around a field mean nothing."""
    header: list[str] | None = None
    """Names of the columns, for a file whose first line holds data."""

    @model_validator(mode="after")
    def _unquoted(self) -> "TextFormat":
        if len(self.delimiter) > 1 and self.quoted:
            raise ValueError("a delimiter of two characters needs `quoted: false`")
        return self


class WheelSource(Part):
    """A data set that lies inside a Python wheel."""

    kind: Literal["wheel"]
    requirement: str = Field(pattern=r"^[A-Za-z0-9._-]+==[A-Za-z0-9.]+$")
    sha256: Digest


class FilesSource(Part):
    """Files on a disk of this machine."""

    kind: Literal["files"]
    folder: str = "."
    """Relative to the root of the clone, or absolute."""


class SqlSource(Part):
    """Queries to a database."""

    kind: Literal["sql"]
    url_variable: str = Field(pattern=r"^[A-Z][A-Z0-9_]*$")
    """The environment variable that holds the SQLAlchemy URL, with its credentials."""


class Table(Part):
    """A source table: a file and how it is written, or a query."""

    path: str = ""
    """Within the source: a member of the wheel, or a file below the folder."""
    query: str = ""
    """Of a source of kind `sql`: a SELECT, in any order."""
    format: TextFormat = TextFormat()
    sha256: Digest | None = None
    """Refuse a file with other content; null for files that grow."""
    ignored: list[str] = []
    """Columns that are known and not kept."""


class Columns(Part):
    """The source's names of the canonical columns."""

    user_id: str
    item_id: str
    timestamp: str
    value: str | None = None
    event: str | None = None
    event_id: str | None = None

    def items(self) -> Iterator[tuple[str, str]]:
        """Pairs (canonical name, source name) of the columns that the source has."""
        return ((name, source) for name, source in self.model_dump().items() if source)


class Scale(Part):
    """The lowest and the highest value that an interaction may have."""

    minimum: float
    maximum: float

    @model_validator(mode="after")
    def _ordered(self) -> "Scale":
        if self.minimum >= self.maximum:
            raise ValueError("minimum must be below maximum")
        return self


class Interactions(Table):
    """The table of what users did."""

    columns: Columns
    timestamp_unit: Unit
    event: str | None = Field(None, min_length=1)
    """The kind of every event, for a source without an `event` column."""
    value_scale: Scale | None = None
    timezone: str | None = None
    """The zone of ISO 8601 times that name none, for example Europe/Berlin."""
    decimal: Literal[".", ","] = "."
    """Between a value's whole and its fraction."""
    missing: list[str] = []
    """Words that mean: empty. Without them `NA` is an id like any other."""
    may_be_empty: bool = False
    """A table without a row is a period in which nothing happened, and no mistake."""

    @field_validator("timezone")
    @classmethod
    def _known_zone(cls, name: str | None) -> str | None:
        if name is not None and name not in available_timezones():
            raise ValueError("no such time zone")
        return name

    @model_validator(mode="after")
    def _one_event(self) -> "Interactions":
        if (self.event is None) == (self.columns.event is None):
            raise ValueError("give either `event`, a constant, or `columns.event`")
        return self


class Feature(Part):
    """A feature of items or users."""

    name: FieldName
    kind: FeatureKind
    column: str
    separator: str = Field("|", min_length=1)
    """Between the tags of one cell; for kind `tags` alone."""
    missing: list[str] = []
    """Words that mean: not known. An empty cell always does."""


class Entities(Table):
    """A table of items or users: an id and typed features."""

    id: str
    features: list[Feature]
    is_joined: bool = False
    """The source repeats each row, for example once per event: equal rows are one."""
    is_partial: bool = False
    """Of users: some are in no row of the table, and nothing is known of them."""

    @model_validator(mode="after")
    def _distinct(self) -> "Entities":
        names = [feature.name for feature in self.features]
        if len(set(names)) < len(names) or RESERVED & set(names):
            raise ValueError(
                f"feature names must be distinct and none of {', '.join(sorted(RESERVED))}"
            )
        return self


class AtLeast(Part):
    """A threshold on the value."""

    at_least: float


class Rule(Part):
    """Which interactions a task calls positive: by event, by value, or by both."""

    event: str | None = None
    value: AtLeast | None = None

    @model_validator(mode="after")
    def _says_something(self) -> "Rule":
        if self.event is None and self.value is None:
            raise ValueError("give `event`, `value` or both")
        return self


class RetrievalTask(Part):
    """Which item comes next, among the positive ones."""

    name: FieldName
    kind: Literal["retrieval"]
    positive: Rule


class BinaryTask(Part):
    """The probability that an interaction is positive."""

    name: FieldName
    kind: Literal["binary"]
    label: Rule


class RegressionTask(Part):
    """The expected value of an interaction."""

    name: FieldName
    kind: Literal["regression"]
    label: Literal["value"]


Task = Annotated[RetrievalTask | BinaryTask | RegressionTask, Field(discriminator="kind")]
Source = Annotated[WheelSource | FilesSource | SqlSource, Field(discriminator="kind")]


class Descriptor(Part):
    """One data source: `datasets/NAME.yaml`."""

    name: str = Field(pattern=NAME)
    title: str
    licence: str
    source: Source
    clock: Clock
    grain: Grain
    last_key: str | None = None
    """The last KEY that the source has whole; what comes later is left out."""
    repeats: bool = False
    """An item may be chosen again: what a user has seen still competes, unless a request says."""
    interactions: Interactions
    items: Entities
    users: Entities | None = None
    limits: dict[FieldName, int | float] = {}
    """What of params.yaml's `validate` is otherwise for this data set."""
    tasks: list[Task]

    @model_validator(mode="after")
    def _has_retrieval(self) -> "Descriptor":
        names = [task.name for task in self.tasks]
        if len(set(names)) < len(names):
            raise ValueError("task names must be distinct")
        if not any(task.kind == "retrieval" for task in self.tasks):
            raise ValueError("at least one task must be of kind retrieval")
        return self

    @model_validator(mode="after")
    def _has_places(self) -> "Descriptor":
        wanted, other = ("query", "path") if self.source.kind == "sql" else ("path", "query")
        for name in ("interactions", "items", "users"):
            table = getattr(self, name)
            if table and (not getattr(table, wanted) or getattr(table, other)):
                raise ValueError(f"{name}: a source of kind {self.source.kind} takes `{wanted}`")
        return self

    @model_validator(mode="after")
    def _has_all_items(self) -> "Descriptor":
        if self.items.is_partial:
            raise ValueError("items: every item must be in the table; only users may be partial")
        return self

    @property
    def heads(self) -> list[str]:
        """The names of the binary and regression tasks, in their order."""
        return [task.name for task in self.tasks if task.kind != "retrieval"]

    @property
    def item_features(self) -> dict[str, FeatureKind]:
        """Kind by name of the items' features."""
        return {feature.name: feature.kind for feature in self.items.features}

    @property
    def profile_fields(self) -> dict[str, FeatureKind]:
        """Kind by name of the users' features; empty without a users table."""
        return {f.name: f.kind for f in self.users.features} if self.users else {}

    @classmethod
    def load(cls, name: str, folder: Path = FOLDER) -> "Descriptor":
        """The descriptor of a data set, from `datasets/NAME.yaml` below cwd.

        Raises:
            UnknownDataset: There is no such descriptor.
            BadParameter: A key is unknown or missing, or a value is not allowed.
        """
        known = {path.stem: path for path in sorted(folder.glob("*.yaml"))}
        if name not in known:
            raise UnknownDataset(
                f"there is no data set {name!r}",
                where=[str(folder)],
                hint=f"known here: {', '.join(known) or 'none'}",
            )
        try:
            return cls.model_validate(read_yaml(known[name]))
        except ValidationError as error:
            raise refused(error, str(known[name]), cls) from error


def as_text(value: Any, kind: FeatureKind) -> str:
    """A feature's value as a request's profile writes it; "" = unknown.

    Numbers are 24, not 24.0; tags are joined by `|`; timestamps are microseconds since 1970.
    Training and serving both write profiles by this function, so that they cannot differ.
    """
    import pandas as pd

    if kind == "tags":
        is_missing = value is None or (isinstance(value, float) and math.isnan(value))
        return "" if is_missing else TAG_SEPARATOR.join(map(str, value))
    if value is None or pd.isna(value):
        return ""
    if kind == "number":
        number = float(value)
        return str(int(number)) if number.is_integer() else repr(number)
    if kind == "timestamp":
        return str(pd.Timestamp(value).value // 1_000)
    return str(value)
