"""Airflow's configuration as `up` writes it."""

import configparser
import json
import sys
from importlib.metadata import distribution
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from pipelines.home import Home
from pipelines.up import airflow_home

PORT = 18080
OUTAGE_SECONDS = 120
"""Without the API server, which a task must survive."""
TEMPLATE = "config_templates/config.yml"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A home in which the database is up to date."""
    home = Home(tmp_path / "100 % home").ensure()
    monkeypatch.setattr(airflow_home, "_migrate", lambda *_: None)
    return home


def settings(home: Home) -> configparser.ConfigParser:
    """airflow.cfg as Airflow reads it: with interpolation."""
    parser = configparser.ConfigParser()
    parser.read(home.airflow / "airflow.cfg")
    return parser


def test_port_is_in_all_three_places_that_name_it(home: Home) -> None:
    airflow_home.prepare(home, PORT, None)

    found = settings(home)
    assert found["api"]["port"] == "18080"
    assert found["api"]["base_url"] == "http://127.0.0.1:18080"
    assert found["core"]["execution_api_server_url"] == "http://127.0.0.1:18080/execution/"


def test_long_tasks_outlive_their_token_and_a_restart_of_the_api_server(home: Home) -> None:
    airflow_home.prepare(home, PORT, None)

    found = settings(home)
    assert int(found["execution_api"]["jwt_expiration_time"]) >= 4 * 3600
    assert found["workers"]["max_failed_heartbeats"] == "20"
    assert int(found["scheduler"]["task_instance_heartbeat_timeout"]) > 2 * OUTAGE_SECONDS
    assert seconds_of_tries(found["workers"]) > OUTAGE_SECONDS


def seconds_of_tries(workers: configparser.SectionProxy) -> float:
    """How long one call to the API server is tried: waits of 0 to 1, 2, 4 … seconds, on average."""
    longest, tries = int(workers["execution_api_retry_wait_max"]), workers["execution_api_retries"]
    return sum(min(2**number, longest) / 2 for number in range(int(tries) - 1))


def test_every_setting_is_one_that_airflow_has(home: Home) -> None:
    airflow_home.prepare(home, PORT, None)

    known = configuration_of_airflow()
    found = settings(home)
    ours = {(section, name) for section in found.sections() for name in found[section]}
    assert ours <= known


def configuration_of_airflow() -> set[tuple[str, str]]:
    """Sections and names that this version of Airflow documents."""
    file = Path(str(distribution("apache-airflow-core").locate_file("airflow"))) / TEMPLATE
    described = YAML(typ="safe", pure=True).load(file)
    return {(section, name) for section in described for name in described[section]["options"]}


def test_paths_with_blanks_and_percent_signs_survive(home: Home) -> None:
    airflow_home.prepare(home, PORT, None)

    assert settings(home)["core"]["dags_folder"] == str(home.airflow / "dags")


def test_everything_listens_on_loopback(home: Home) -> None:
    airflow_home.prepare(home, PORT, None)

    assert settings(home)["api"]["host"] == "127.0.0.1"
    log_servers = [
        program.command
        for program in airflow_home.programs(home, home.path)
        if program.name in ("airflow-scheduler", "airflow-triggerer")
    ]
    assert all("--skip-serve-logs" in command for command in log_servers)


def test_secrets_are_private_and_stay_the_same(home: Home) -> None:
    airflow_home.prepare(home, PORT, None)
    first, password = settings(home), airflow_home.passwords(home).read_text()

    airflow_home.prepare(home, PORT + 1, None)

    again = settings(home)
    assert len(first["api_auth"]["jwt_secret"]) >= 64
    assert again["api_auth"]["jwt_secret"] == first["api_auth"]["jwt_secret"]
    assert again["core"]["fernet_key"] == first["core"]["fernet_key"]
    assert airflow_home.passwords(home).read_text() == password
    assert len(json.loads(password)["admin"]) >= 24
    private = [path for path in home.airflow.iterdir() if path.is_file()]
    assert {path.stat().st_mode & 0o777 for path in private} == {0o600}
    assert home.airflow.stat().st_mode & 0o777 == 0o700


def test_changed_settings_make_another_program_so_that_it_is_started_again(home: Home) -> None:
    airflow_home.prepare(home, PORT, None)
    before, same = (airflow_home.programs(home, home.path) for _ in range(2))

    airflow_home.prepare(home, PORT + 1, None)

    assert same == before
    assert airflow_home.programs(home, home.path) != before


def test_no_secret_is_in_an_environment_or_on_a_command_line(home: Home) -> None:
    airflow_home.prepare(home, PORT, None)

    found = settings(home)
    secrets = [found["api_auth"]["jwt_secret"], found["core"]["fernet_key"]]
    told = [repr(program) for program in airflow_home.programs(home, home.path)]
    assert not [secret for secret in secrets for text in told if secret in text]


def test_tasks_find_the_home_and_run_in_the_clone(home: Home) -> None:
    airflow_home.prepare(home, PORT, None)

    programs = {p.name: p for p in airflow_home.programs(home, Path("/clone"))}

    scheduler = programs["airflow-scheduler"]
    assert scheduler.directory == Path("/clone")
    assert scheduler.environment["TANDEM_HOME"] == str(home.path)
    assert scheduler.command[:4] == (sys.executable, "-m", "airflow", "scheduler")
    assert len(programs) == 4
