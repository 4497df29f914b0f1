from pathlib import Path

import pytest

from pipelines.airflow import database
from pipelines.errors import BadParameter, DatabaseUnreachable
from pipelines.home import Home
from tests.ports import free_port

VARIABLE = "TANDEM_AIRFLOW_DATABASE"


def test_without_a_variable_the_database_is_the_homes_own() -> None:
    assert database.from_variable(None) is None


@pytest.mark.parametrize(
    ("url", "said"),
    [
        pytest.param("", "is not set", id="not set"),
        pytest.param("mysql://user:secret@host/airflow", "no URL of a PostgreSQL", id="MySQL"),
        pytest.param("postgresql://user:secret@host", "no URL of a PostgreSQL", id="no database"),
    ],
)
def test_a_variable_that_cannot_be_used_is_refused_without_its_value(
    url: str, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(VARIABLE, url)

    with pytest.raises(BadParameter, match=said) as caught:
        database.from_variable(VARIABLE)

    assert VARIABLE in caught.value.message
    assert "secret" not in caught.value.render()


def test_a_database_is_named_without_user_and_password() -> None:
    assert database.named("postgresql+psycopg2://user:secret@db.example:6000/airflow") == (
        "postgresql db.example:6000/airflow"
    )
    assert database.named("sqlite:////home/airflow.db") == "sqlite"


def test_the_recorded_database_is_read_from_airflows_configuration(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()
    before = database.recorded(home)
    home.airflow.mkdir(exist_ok=True)
    url = "postgresql://user:p%%40ss@host/airflow"
    (home.airflow / "airflow.cfg").write_text(f"[database]\nsql_alchemy_conn = {url}\n")

    assert before is None
    assert database.recorded(home) == "postgresql host:5432/airflow"


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    url = f"postgresql+psycopg2://user:secret@127.0.0.1:{free_port()}/airflow"

    with pytest.raises(DatabaseUnreachable, match="cannot be opened") as caught:
        database.holds_airflow(url)

    assert "secret" not in caught.value.render()
