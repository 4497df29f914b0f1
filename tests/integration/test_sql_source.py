"""A database as a source: real PostgreSQL and SQLite, and the same accepted rows as from files."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from pipelines.contracts.data import IngestRecord, IngestRequest
from pipelines.errors import (
    EmptyPartition,
    InputRefused,
    NoSourceUrl,
    QueryRefused,
    SourceUnreachable,
)
from pipelines.ingest import step as ingest
from pipelines.params import Params
from tests.integration import tiny_weeks
from tests.integration.tiny_weeks import KEYS, week
from tests.ports import free_port
from tests.postgresql import PostgreSQL

VARIABLE = "SHOP_URL"
RANGE = IngestRequest(from_key=KEYS[0], to_key=KEYS[5])
QUERIES = {
    "path: interactions.tsv": "query: SELECT * FROM ratings",
    "path: items.tsv": "query: SELECT item, title, year, genres FROM films",
    "path: users.tsv": 'query: SELECT id AS "user", age FROM people',
    "{kind: files, folder: source}": f"{{kind: sql, url_variable: {VARIABLE}}}",
}


@pytest.fixture(scope="module")
def postgresql(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostgreSQL]:
    server = PostgreSQL().start(tmp_path_factory.mktemp("server") / "data", free_port())
    yield server
    server.stop()


@pytest.fixture(params=["sqlite", "postgresql"])
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A database with the six weeks."""
    if request.param == "sqlite":
        address = f"sqlite:///{tmp_path}/shop.sqlite"
    else:
        server: PostgreSQL = request.getfixturevalue("postgresql")
        address = server.create(tmp_path.name)
    fill(address)
    return address


def fill(address: str) -> None:
    engine = sa.create_engine(address)
    rows = [row for number in reversed(range(6)) for row in week(number)]
    with engine.begin() as connection:
        for statement in (
            'CREATE TABLE ratings ("user" TEXT, item TEXT, stars INTEGER, "when" BIGINT)',
            "CREATE TABLE films (item TEXT, title TEXT, year INTEGER, genres TEXT)",
            "CREATE TABLE people (id TEXT, age INTEGER)",
        ):
            connection.execute(sa.text(statement))
        connection.execute(
            sa.text("INSERT INTO ratings VALUES (:u, :i, :s, :w)"),
            [{"u": u, "i": i, "s": int(s), "w": int(w)} for u, i, s, w in rows],
        )
        films = [{"i": f"i{n:02}", "t": f"Film {n}", "y": 1980 + n} for n in range(40)]
        connection.execute(sa.text("INSERT INTO films VALUES (:i, :t, :y, 'Drama War')"), films)
        people = [{"u": f"u{n:02}", "a": 20 + n} for n in range(30)]
        connection.execute(sa.text("INSERT INTO people VALUES (:u, :a)"), people)
    engine.dispose()


@pytest.fixture
def clone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A clone whose descriptor names a database."""
    folder = tmp_path / "clone"
    tiny_weeks.write_clone(folder)
    words = tiny_weeks.DESCRIPTOR
    for old, new in QUERIES.items():
        words = words.replace(old, new)
    words = words.replace('  format: {delimiter: "\\t", quoted: false}\n', "")
    (folder / "datasets/tiny.yaml").write_text(words)
    monkeypatch.setenv("TANDEM_HOME", str(folder / "var"))
    monkeypatch.chdir(folder)
    return folder


def land() -> IngestRecord:
    return ingest.run(Params.load(overrides=["dataset=tiny"]), RANGE)


def describe(old: str, new: str) -> None:
    path = Path("datasets/tiny.yaml")
    assert old in path.read_text()
    path.write_text(path.read_text().replace(old, new))


def test_a_query_lands_the_partitions_by_their_times(
    clone: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, url)

    record = land()

    assert [(entry.key, entry.rows) for entry in record.landed] == [(key, 120) for key in KEYS]


def test_rows_of_a_query_are_those_of_a_file_in_whatever_order_they_come(
    clone: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, url)
    first = land()
    describe("SELECT * FROM ratings", 'SELECT * FROM ratings ORDER BY stars, "when" DESC')
    shutil.rmtree("var")

    second = land()

    assert [entry.digest for entry in second.landed] == [entry.digest for entry in first.landed]
    assert second.source_digest == first.source_digest


@pytest.mark.parametrize("place", ["user", "query"])
def test_the_password_is_in_no_record_and_in_no_message(
    clone: Path, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch, place: str
) -> None:
    address = postgresql.create(f"secretive-{place}")
    if place == "user":
        address = address.replace("tandem@", "tandem:s3cret@")
    else:
        address += "?password=s3cret"
    fill(address)
    monkeypatch.setenv(VARIABLE, address)
    land()
    describe("FROM ratings", "FROM nowhere")

    with pytest.raises(QueryRefused) as refused:
        land()

    assert "nowhere" in refused.value.message
    assert "s3cret" not in refused.value.render()
    written = [path for path in Path("var").rglob("*") if path.is_file()]
    assert [path for path in written if b"s3cret" in path.read_bytes()] == []


@pytest.mark.parametrize(
    "value", [None, "no address", "nosuchdatabase://here/x"], ids=["unset", "no-url", "no-driver"]
)
def test_without_a_url_the_variable_to_set_is_named(
    clone: Path, monkeypatch: pytest.MonkeyPatch, value: str | None
) -> None:
    monkeypatch.delenv(VARIABLE, raising=False)
    monkeypatch.setenv(VARIABLE, value) if value else None

    with pytest.raises(NoSourceUrl) as refused:
        land()

    assert VARIABLE in refused.value.message
    assert VARIABLE in refused.value.hint


def test_a_database_that_is_not_there_is_unreachable(
    clone: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, f"postgresql+psycopg2://tandem:s3cret@127.0.0.1:{free_port()}/x")

    with pytest.raises(SourceUnreachable) as refused:
        land()

    assert refused.value.exit_code == 5
    assert "s3cret" not in refused.value.render()


@pytest.mark.parametrize(
    ("query", "slug"),
    [
        ('SELECT "user", item, "when" FROM ratings', "columns-missing"),
        ("SELECT * FROM ratings WHERE stars > 9", "no-rows"),
        ('SELECT "user", item, stars, \'05/02/2001\' AS "when" FROM ratings', "timestamp-format"),
        ('SELECT CAST(stars AS FLOAT) AS "user", item, stars, "when" FROM ratings', "schema-drift"),
    ],
)
def test_a_result_that_is_no_table_of_interactions_is_refused(
    clone: Path, url: str, monkeypatch: pytest.MonkeyPatch, query: str, slug: str
) -> None:
    monkeypatch.setenv(VARIABLE, url)
    describe("query: SELECT * FROM ratings", f"query: >-\n    {query}")

    with pytest.raises(InputRefused) as refused:
        land()

    assert refused.value.code == slug
    assert not (clone / f"var/landing/dt={KEYS[0]}").exists()


@pytest.mark.parametrize(
    "query",
    ["DELETE FROM ratings WHERE stars > 9", "SELECT * FROM ratings WHERE stars > :least"],
    ids=["no-result", "a-parameter"],
)
def test_what_is_no_query_of_rows_is_refused(
    clone: Path, url: str, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    monkeypatch.setenv(VARIABLE, url)
    describe("query: SELECT * FROM ratings", f'query: "{query}"')

    with pytest.raises(QueryRefused) as refused:
        land()

    assert refused.value.where[0] == "query of interactions"


def test_a_query_without_a_row_is_nothing_to_do_where_that_may_be(
    clone: Path, url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, url)
    describe("SELECT * FROM ratings", "SELECT * FROM ratings WHERE stars > 9\n  may_be_empty: true")

    with pytest.raises(EmptyPartition) as nothing:
        land()

    assert nothing.value.exit_code == 99


def test_times_of_a_time_type_are_read_in_utc(
    clone: Path, postgresql: PostgreSQL, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = postgresql.create("zoned")
    fill(address)
    monkeypatch.setenv(VARIABLE, address)
    plain = land()
    shutil.rmtree("var")
    describe("SELECT * FROM", 'SELECT "user", item, stars, to_timestamp("when") AS "when" FROM')
    describe("timestamp_unit: seconds", "timestamp_unit: iso8601")

    zoned = land()

    assert [(e.key, e.rows) for e in zoned.landed] == [(e.key, e.rows) for e in plain.landed]
    assert zoned.notices == []
