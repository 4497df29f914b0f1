"""Faults of a source that lies elsewhere: slow, cut off, altered, or stopped while it answers."""

import os
import random
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg2
import pytest

from tests.faults.data_checks import assert_landing_whole, leftovers, refused, succeeds
from tests.faults.data_verbs import DataVerbs
from tests.faults.loopback_index import NAME, VERSION, Index, wheel
from tests.integration import tiny_weeks
from tests.integration.tiny_weeks import KEYS
from tests.ports import free_port
from tests.postgresql import PostgreSQL

RANGE = ("ingest", "--from", KEYS[0], "--to", KEYS[5], "--json")
ATTEMPTS = 2
TWICE = ("-P", f"ingest.fetch_attempts={ATTEMPTS}")
N_EVENTS = 30_000
SLOW_AFTER = 15_000
"""Rows that the database gives at once: more than one chunk."""
QUERIES = {
    "path: interactions.tsv": 'query: SELECT "user", item, stars, "when", slowly(n) FROM ratings',
    "path: items.tsv": "query: SELECT * FROM films",
    "path: users.tsv": "query: SELECT * FROM people",
    "{kind: files, folder: source}": "{kind: sql, url_variable: SHOP_URL}",
}


SHOP = f"""
    CREATE TABLE pace (seconds float);
    INSERT INTO pace VALUES (0.01);
    CREATE FUNCTION slowly(n int) RETURNS int LANGUAGE plpgsql VOLATILE AS $$
    BEGIN
        IF n > {SLOW_AFTER} THEN PERFORM pg_sleep(seconds) FROM pace; END IF;
        RETURN n;
    END $$;
    CREATE TABLE ratings AS SELECT n, 'u' || lpad((n % 30)::text, 2, '0') AS "user",
        'i' || lpad((n % 40)::text, 2, '0') AS item, n % 5 + 1 AS stars,
        {tiny_weeks.FIRST} + n % 6 * {tiny_weeks.WEEK_SECONDS} + n AS "when"
        FROM generate_series(0, {N_EVENTS - 1}) AS n;
    CREATE TABLE films AS SELECT 'i' || lpad(n::text, 2, '0') AS item, 'Film ' || n AS title,
        1980 + n AS year, 'Drama' AS genres FROM generate_series(0, 39) AS n;
    CREATE TABLE people AS SELECT 'u' || lpad(n::text, 2, '0') AS "user", 20 + n AS age
        FROM generate_series(0, 29) AS n;
"""  # noqa: S608 (numbers of this file)


@pytest.fixture(scope="module")
def verbs() -> Iterator[DataVerbs]:
    server = DataVerbs()
    yield server
    server.close()


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    tiny_weeks.write_clone(tmp_path / "clone")
    source = tmp_path / "clone/source"
    served = Index(wheel({p.name: p.read_bytes() for p in source.iterdir()}), free_port())
    yield served
    served.close()


@pytest.fixture
def clone(index: Index, tmp_path: Path) -> Path:
    """A clone whose source is the wheel."""
    shutil.rmtree(tmp_path / "clone/source")
    described = f"{{kind: wheel, requirement: {NAME}=={VERSION}, sha256: {index.sha256}}}"
    path = tmp_path / "clone/datasets/tiny.yaml"
    path.write_text(path.read_text().replace("{kind: files, folder: source}", described))
    return tmp_path / "clone"


def settings(index: Index) -> dict[str, str]:
    """pip's, from its environment, as everywhere."""
    asked = {"INDEX_URL": index.url, "TIMEOUT": "1", "RETRIES": "0", "RESUME_RETRIES": "0"}
    return {f"PIP_{name}": value for name, value in asked.items()} | {
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_CACHE_DIR": "1",
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }


def fetched(clone: Path) -> list[Path]:
    return list((clone / "var/landing/source").rglob("*"))


@pytest.mark.fault(2)
@pytest.mark.parametrize("mode", ["slow", "cut"])
def test_a_source_that_is_too_slow_or_cut_is_unreachable_and_nothing_of_it_is_kept(
    verbs: DataVerbs, clone: Path, index: Index, mode: str
) -> None:
    index.mode = mode

    refused(verbs.run(clone, *RANGE, *TWICE, env=settings(index)), "source-unreachable", 5)

    assert index.n_asked == ATTEMPTS
    assert fetched(clone) == []
    index.mode = "whole"
    succeeds(verbs.run(clone, *RANGE, env=settings(index)))
    assert_landing_whole(clone)
    assert leftovers(clone) == []


@pytest.mark.fault(3)
def test_a_wheel_that_changed_under_its_digest_is_refused_at_once_with_both_digests(
    verbs: DataVerbs, clone: Path, index: Index
) -> None:
    index.mode = "altered"

    error = refused(verbs.run(clone, *RANGE, env=settings(index)), "source-changed", 3)

    assert index.n_asked == 1
    assert index.sha256 in str(error["message"])
    assert "has the digest " in str(error["message"])
    assert fetched(clone) == []
    assert leftovers(clone) == []


@pytest.mark.fault(1, seeds=3)
def test_a_download_killed_at_a_random_moment_is_made_again(
    verbs: DataVerbs, clone: Path, index: Index, seed: int
) -> None:
    pid = verbs.start(clone, *RANGE, env=settings(index))
    time.sleep(random.Random(seed).uniform(0.1, 2.0))  # the fault itself: nothing is waited for
    os.killpg(pid, signal.SIGKILL)
    verbs.wait(pid)

    assert_landing_whole(clone)
    succeeds(verbs.run(clone, *RANGE, env=settings(index)))
    assert_landing_whole(clone)
    assert leftovers(clone) == []


# --- a database


@pytest.mark.fault(6)
def test_a_database_that_stops_in_mid_cursor_lands_nothing_and_the_next_run_all_once(
    verbs: DataVerbs, tmp_path: Path
) -> None:
    server = PostgreSQL().start(tmp_path / "server", free_port())
    clone, url = a_shop(tmp_path, server)
    pid = verbs.start(clone, *RANGE, env={"SHOP_URL": url})
    wait_until_it_sleeps(url)

    server.stop(signal.SIGQUIT)

    error = refused(verbs.wait(pid), "source-unreachable", 5)
    assert "tandem@" in str(error["where"])
    assert not (clone / "var/landed.json").exists()
    assert list((clone / "var/landing").glob("dt=*")) == []

    server.start(tmp_path / "server", server.port)
    ask(url, "UPDATE pace SET seconds = 0")
    succeeds(verbs.run(clone, *RANGE, env={"SHOP_URL": url}))
    server.stop()
    assert_landing_whole(clone)
    landed = (clone / "var/landed.json").read_text()
    assert landed.count('"rows": 5000') == 6
    assert leftovers(clone) == []


def a_shop(folder: Path, server: PostgreSQL) -> tuple[Path, str]:
    """A clone and its database, whose rows come slowly after the first ones."""
    clone, url = folder / "clone", server.create("shop")
    tiny_weeks.write_clone(clone)
    ask(url, SHOP)
    path = clone / "datasets/tiny.yaml"
    words = path.read_text().replace('  format: {delimiter: "\\t", quoted: false}\n', "")
    for old, new in QUERIES.items():
        assert old in words
        words = words.replace(old, new)
    path.write_text(words)
    return clone, url


def ask(url: str, statements: str) -> list[tuple[object, ...]]:
    connection = psycopg2.connect(url.replace("+psycopg2", ""))
    connection.autocommit = True
    with connection.cursor() as cursor:
        cursor.execute(statements)
        rows = cursor.fetchall() if cursor.description else []
    connection.close()
    return rows


def wait_until_it_sleeps(url: str) -> None:
    """Until the cursor is among the rows that come slowly."""
    deadline = time.monotonic() + 60
    while not ask(url, "SELECT 1 FROM pg_stat_activity WHERE wait_event = 'PgSleep'"):
        assert time.monotonic() < deadline, "nobody reads"
