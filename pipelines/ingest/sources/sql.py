"""A database as a source: queries over one snapshot, fetched in chunks by a cursor."""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from pipelines import timeline
from pipelines.contracts.data import Notice
from pipelines.descriptors import SqlSource, Table, Unit
from pipelines.errors import (
    NoRows,
    NoSourceUrl,
    QueryRefused,
    SchemaDrift,
    SourceTooLarge,
    SourceUnreachable,
)
from pipelines.ingest import mapping
from pipelines.ingest.mapping import Match, Wanted
from pipelines.ingest.tables import FAULT, IDS, LINE, RawTable, completed, unit_of
from pipelines.params import IngestParams
from pipelines.storage import micros

if TYPE_CHECKING:
    import sqlalchemy as sa

ROWS_PER_CHUNK = 10_000
_ZONE = Notice(slug="timestamp-zone-assumed", text="times without a zone are read as UTC")


class SqlTables:
    """The tables of a descriptor that are queries; all of them see one state of the database."""

    def __init__(self, source: SqlSource, limits: IngestParams) -> None:
        self._limits = limits
        self._engine = _engine(source.url_variable)
        self.name = self._engine.url.set(query={}).render_as_string(hide_password=True)
        self._digests: dict[str, str] = {}
        self._connection: sa.Connection | None = None

    @property
    def digest(self) -> str:
        """SHA-256 over the rows fetched so far, as text."""
        lines = "".join(f"{name}\0{digest}\n" for name, digest in sorted(self._digests.items()))
        return hashlib.sha256(lines.encode()).hexdigest()

    def read(self, name: str, table: Table, wanted: Wanted) -> RawTable:
        """One table, in an order of its own content; `source_line` counts from 1.

        Raises:
            SourceUnreachable: The database does not answer, or no longer.
            QueryRefused: It does not take the query.
            ColumnsMissing, ColumnsDuplicate, SchemaDrift, NoRows, SourceTooLarge: As they say.
        """
        import pandas as pd

        with self._translated(name):
            match, rows, notices = self._fetch(name, table, wanted)
        if not rows:
            raise NoRows("the query gives no row", where=[f"query of {name}"])
        rows.sort()
        self._digests[name] = hashlib.sha256(repr(rows).encode()).hexdigest()
        frame = pd.DataFrame(rows, columns=list(match.positions), dtype="str")
        frame[LINE] = pd.array(range(1, len(rows) + 1), "int64")
        frame[FAULT] = pd.array([""] * len(rows), "str")
        raw = RawTable(frame, [*match.notices, *notices])
        return completed(raw, table, wanted)

    def close(self) -> None:
        """Ends the snapshot and every connection."""
        if self._connection is not None:
            self._connection.close()
        self._engine.dispose()

    def _fetch(
        self, name: str, table: Table, wanted: Wanted
    ) -> tuple[Match, list[tuple[str, ...]], list[Notice]]:
        """The matched columns of every row as text; the server hands them over in chunks."""
        import sqlalchemy as sa

        place, room = f"query of {name}", self._limits.max_source_bytes
        found = self._connect().execution_options(yield_per=ROWS_PER_CHUNK)
        result = found.execute(sa.text(table.query))
        match = mapping.match(list(result.keys()), wanted, place)
        cells = _Cells(unit_of(table), place, list(match.positions))
        rows = []
        for chunk in result.partitions():
            for row in chunk:
                rows.append(cells.texts([row[position] for position in match.positions.values()]))
                room -= sum(map(len, rows[-1]))
            if room < 0:
                raise SourceTooLarge(
                    f"more than {self._limits.max_source_bytes:,} characters",
                    where=[place],
                    hint="raise ingest.max_source_bytes if that size is meant",
                )
        return match, rows, [_ZONE] if cells.is_zone_assumed else []

    def _connect(self) -> "sa.Connection":
        if self._connection is None:
            connection = self._engine.connect()
            if self._engine.dialect.name in ("postgresql", "mysql", "mariadb"):
                connection = connection.execution_options(isolation_level="REPEATABLE READ")
            self._connection = connection
        return self._connection

    @contextmanager
    def _translated(self, name: str) -> Iterator[None]:
        import sqlalchemy as sa

        try:
            yield
        except sa.exc.DBAPIError as error:
            if self._connection is None or error.connection_invalidated:
                raise SourceUnreachable(
                    f"the database does not answer: {_flat(error.orig)}",
                    where=[self.name],
                    hint="see whether it runs, then run the same again; nothing was landed",
                ) from error
            raise self._refused(name, error.orig) from error
        except sa.exc.SQLAlchemyError as error:  # for example: a parameter, or no rows at all
            raise self._refused(name, error.args[0]) from error

    def _refused(self, name: str, what: object) -> QueryRefused:
        return QueryRefused(
            f"the database does not take the query: {_flat(what)}",
            where=[f"query of {name}", self.name],
            hint=f"correct `{name}.query` in the descriptor",
        )


def _flat(said: object) -> str:
    return " ".join(str(said).split())[:160]


def _engine(variable: str) -> "sa.Engine":
    import sqlalchemy as sa

    hint = f"export {variable}=postgresql+psycopg2://USER:PASSWORD@HOST/DATABASE"
    if variable not in os.environ:
        raise NoSourceUrl(f"{variable} is not set", where=["source.url_variable"], hint=hint)
    try:
        return sa.create_engine(os.environ[variable])
    except (
        sa.exc.ArgumentError,
        ImportError,
        ValueError,
    ) as error:  # never shown: it holds the URL
        raise NoSourceUrl(
            f"{variable} holds no URL that SQLAlchemy knows, or its driver is not installed",
            where=["source.url_variable"],
            hint=hint,
        ) from error


class _Cells:
    """Cells of a result as text: nothing rounded, nothing guessed."""

    def __init__(self, unit: Unit, place: str, columns: list[str]) -> None:
        self._unit, self._place, self._columns = unit, place, columns
        self.is_zone_assumed = False

    def texts(self, row: list[Any]) -> tuple[str, ...]:
        """One row."""
        return tuple(map(self._text, self._columns, row))

    def _text(self, column: str, cell: Any) -> str:
        if cell is None:
            return ""
        if isinstance(cell, bool):
            return str(cell).lower()
        if isinstance(cell, datetime):
            return self._time(cell)
        if isinstance(cell, str | int | Decimal | date):
            return str(cell)
        if isinstance(cell, float) and column not in IDS:
            return repr(cell)
        raise SchemaDrift(
            f"column {column} holds a {type(cell).__name__}",
            where=[f"{self._place}, column {column}"],
            hint="cast it to text or to a number in the query",
        )

    def _time(self, moment: datetime) -> str:
        if moment.tzinfo is None:
            self.is_zone_assumed = True
            moment = moment.replace(tzinfo=UTC)
        if self._unit == "iso8601":
            return moment.isoformat()
        micros_ = micros(moment.astimezone(UTC))
        factor = timeline.MICROS_PER_UNIT[self._unit]
        return str(micros_) if factor == 1.0 else repr(micros_ / factor)
