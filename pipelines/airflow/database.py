"""Where Airflow keeps its records: SQLite in the home, or a PostgreSQL server by its URL.

The URL may hold a password: it stands in airflow.cfg (0600) and nowhere else.
"""

import configparser
import os
from pathlib import Path
from urllib.parse import urlsplit

from pipelines.errors import BadParameter, DatabaseUnreachable
from pipelines.home import Home

SETTING = "up.airflow_database"
EXAMPLE = "postgresql+psycopg2://USER:PASSWORD@HOST:5432/airflow"
CONNECT_SECONDS = 10
FALLBACK_PORT = 5432


def sqlite_file(home: Home) -> Path:
    """The database when no server is named."""
    return home.airflow / "airflow.db"


def from_variable(variable: str | None) -> str | None:
    """The URL that the variable holds; None when no variable is named.

    Raises:
        BadParameter: The variable is not set, or holds no URL of a PostgreSQL database.
    """
    if variable is None:
        return None
    url, setting = os.environ.get(variable, ""), f"{SETTING} in params.yaml"
    if not url:
        hint = f"export {variable}={EXAMPLE}"
        raise BadParameter(
            f"{SETTING} names {variable}, which is not set", where=[setting], hint=hint
        )
    parts = urlsplit(url)
    if parts.scheme.partition("+")[0] != "postgresql" or not parts.path.strip("/"):
        raise BadParameter(
            f"{variable} holds no URL of a PostgreSQL database",
            where=[setting],
            hint=f"its form is {EXAMPLE}",
        )
    return url


def named(url: str) -> str:
    """A database for people and for records: never its user, never its password."""
    parts = urlsplit(url)
    kind = parts.scheme.partition("+")[0]
    if kind == "sqlite":
        return "sqlite"
    return f"{kind} {parts.hostname}:{parts.port or FALLBACK_PORT}{parts.path}"


def recorded(home: Home) -> str | None:
    """The database that airflow.cfg names, as `named` writes it; None before the first `up`."""
    parser = configparser.RawConfigParser()
    if not parser.read(home.airflow / "airflow.cfg"):
        return None
    return named(parser["database"]["sql_alchemy_conn"].replace("%%", "%"))


def holds_airflow(url: str) -> bool:
    """Whether the server's database has Airflow's tables.

    Raises:
        DatabaseUnreachable: It cannot be opened.
    """
    import sqlalchemy

    timeout = {"connect_timeout": CONNECT_SECONDS}
    engine = sqlalchemy.create_engine(url, connect_args=timeout, poolclass=sqlalchemy.NullPool)
    try:
        with engine.connect() as connection:
            return sqlalchemy.inspect(connection).has_table("alembic_version")
    except sqlalchemy.exc.SQLAlchemyError as error:
        raise DatabaseUnreachable(
            f"Airflow's database cannot be opened: {_reason(error)}",
            where=[named(url)],
            hint="start the server, or correct the URL, then `tandem up`",
        ) from error


def _reason(error: Exception) -> str:
    """What the driver says, in one line; it names host and user, never the password."""
    cause = getattr(error, "orig", None) or error
    return " ".join(str(cause).split()) or type(cause).__name__
