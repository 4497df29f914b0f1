"""What people and programs get of one record, with and without an error beside it."""

import json

import pytest

from pipelines.cli import application, console
from pipelines.contracts.doctor import Diagnosis, Finding
from pipelines.doctor.step import enforce


def diagnosis(*verdicts: str) -> Diagnosis:
    checks = [Finding(name=f"check {v}", verdict=v, detail=f"is {v}") for v in verdicts]  # type: ignore[arg-type]  # spelled below
    return Diagnosis(
        home=None, healthy="fail" not in verdicts, checks=checks, repaired=[], seconds=0.5
    )


def test_a_list_of_flat_records_is_a_table_without_its_empty_columns(
    capfd: pytest.CaptureFixture[str],
) -> None:
    console.show(diagnosis("ok", "warn"), as_json=False)

    said = capfd.readouterr()
    assert said.out == ""
    table = [line.split() for line in said.err.splitlines()][-4:]
    assert table == [
        ["checks"],
        ["name", "verdict", "detail"],
        ["check", "ok", "ok", "is", "ok"],
        ["check", "warn", "warn", "is", "warn"],
    ]


def test_a_bad_answer_and_its_error_are_one_json_object(
    capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pipelines.doctor.step.run", lambda *_: diagnosis("ok", "fail"))

    code = application.main(["doctor", "--json"])

    answer = json.loads(capfd.readouterr().out)
    assert code == 5
    assert answer["error"]["code"] == "unhealthy"
    assert [check["verdict"] for check in answer["checks"]] == ["ok", "fail"]


def test_a_good_answer_has_no_error(capfd: pytest.CaptureFixture[str]) -> None:
    console.show(diagnosis("ok"), True, enforce)

    assert "error" not in json.loads(capfd.readouterr().out)
