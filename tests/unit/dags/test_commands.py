import re

import pytest

from tandem_dags import commands
from tandem_dags.commands import Run

SAFE = re.compile(r"recommender_training\.[A-Za-z0-9_-]{1,139}")


def make_run(**params: object) -> Run:
    return Run("recommender_ingestion", "nightly-7", params)


@pytest.mark.parametrize(
    "run_id",
    [
        pytest.param("manual__2026-03-01T10:20:30.123456+00:00", id="Airflow's own"),
        pytest.param("../../etc/passwd", id="a path"),
        pytest.param("a; rm -rf b\n", id="a shell line"),
        pytest.param("ночь", id="letters beyond ASCII"),
        pytest.param("nightly.lock", id="the end of a lock file"),
        pytest.param("x" * 250, id="the longest"),
    ],
)
def test_run_name_is_a_safe_folder_and_branch_whatever_the_run_id(run_id: str) -> None:
    assert SAFE.fullmatch(Run("recommender_training", run_id).name)


def test_run_name_differs_when_ids_differ_only_in_replaced_characters() -> None:
    assert Run("d", "a:b").name != Run("d", "a+b").name


def test_run_name_keeps_a_run_id_that_is_safe_already() -> None:
    assert Run("recommender_training", "nightly-7").name == "recommender_training.nightly-7"


def test_open_records_the_airflow_run_id_in_one_word() -> None:
    run = Run("recommender_training", "--help me")

    assert commands.open_run(run)[3:] == ["--airflow-run-id=--help me"]


@pytest.mark.parametrize(
    ("params", "options"),
    [
        pytest.param({}, [], id="the next missing KEY"),
        pytest.param({"from": None, "to": None, "file": None}, [], id="all null"),
        pytest.param({"to": "1998-03-30"}, ["--to=1998-03-30"], id="up to a KEY"),
        pytest.param(
            {"from": "1998-03-09T14", "to": "1998-03-09T15"},
            ["--from=1998-03-09T14", "--to=1998-03-09T15"],
            id="a range of hours",
        ),
        pytest.param(
            {"from": "1998-03-09", "to": "1998-03-09", "file": "/a b.tsv"},
            ["--partition=1998-03-09", "--file=/a b.tsv"],
            id="one KEY from a file",
        ),
    ],
)
def test_ingest_spells_its_options_from_the_params(
    params: dict[str, object], options: list[str]
) -> None:
    command = commands.ingest(make_run(**params))

    assert command == ["run", "step", make_run().name, "ingest", *options]


@pytest.mark.parametrize(
    "params",
    [
        pytest.param({"from": "yesterday"}, id="no KEY"),
        pytest.param({"to": "1998-03-09\n"}, id="a KEY with a line end"),
        pytest.param({"from": 19980309}, id="a number"),
        pytest.param({"file": "/rows.csv"}, id="a file without its KEY"),
        pytest.param(
            {"from": "1998-03-09", "to": "1998-03-16", "file": "/rows.csv"},
            id="two KEYs",
        ),
        pytest.param({"from": "1998-03-09", "to": "1998-03-09", "file": "x"}, id="a relative path"),
        pytest.param(
            {"from": "1998-03-09", "to": "1998-03-09", "file": "/a\0b"}, id="a path with a NUL"
        ),
    ],
)
def test_ingest_refuses_params_that_name_no_key_or_no_path(params: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="`"):
        commands.ingest(make_run(**params))


def test_a_run_of_one_key_ingests_exactly_that_key() -> None:
    run = Run("recommender_ingestion", "scheduled", {}, key="2026-03-01")

    assert commands.ingest(run)[4:] == ["--from=2026-03-01", "--to=2026-03-01"]


def test_a_range_that_somebody_asks_for_counts_more_than_the_runs_own_key() -> None:
    run = Run("recommender_ingestion", "backfill", {"to": "2026-02-01"}, key="2026-03-01")

    assert commands.ingest(run)[4:] == ["--to=2026-02-01"]


def test_an_approved_deployment_names_its_version() -> None:
    run = Run("recommender_deployment", "r", handed="recommender@v3.0.0")

    assert commands.deploy_approved(run) == ["deploy", "--version=recommender@v3.0.0"]


def test_without_a_version_nothing_counts_as_approved() -> None:
    with pytest.raises(ValueError, match="clear the whole run"):
        commands.deploy_approved(Run("recommender_deployment", "r"))
