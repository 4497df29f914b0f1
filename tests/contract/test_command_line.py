"""What every verb promises: help with an example, one JSON object, our exit codes, a fast start."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from infra.reference_pages import verbs
from pipelines.cli import application
from tests.contract.tracked import ROOT

HELP = dict(verbs())
HEAVY = {"tensorflow", "great_expectations", "airflow", "bentoml", "dvc", "pandas", "numpy"}
REPORT_HEAVY = f"""
import sys
from pipelines.cli import application
code = application.main(sys.argv[1:])
print(sorted(set(sys.modules) & {HEAVY!r}), file=sys.stderr)
sys.exit(code)
"""


def tandem(*words: str, cwd: Path = ROOT, **variables: str) -> "subprocess.CompletedProcess[str]":
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **variables}
    command = [sys.executable, "-m", "pipelines", *words]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, check=False
    )


@pytest.mark.parametrize("words", HELP)
def test_every_verb_says_what_it_does_and_gives_an_example_of_itself(words: str) -> None:
    sentence = HELP[words].splitlines()[2].strip()
    examples = [line for line in HELP[words].splitlines() if "Example: tandem " in line]

    assert sentence[:1].isupper()
    assert len(examples) == 1


@pytest.mark.parametrize("words", HELP)
def test_every_verb_but_the_wrapper_of_others_can_answer_in_json(words: str) -> None:
    assert ("--json" in HELP[words]) is (words != "tandem run step")


@pytest.mark.parametrize("words", [["--help"], ["train", "--help"], ["gate", "--help"]])
def test_help_loads_none_of_the_heavy_packages(words: list[str]) -> None:
    command = [sys.executable, "-c", REPORT_HEAVY, *words]

    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    assert ended.returncode == 0
    assert ended.stderr.strip() == "[]"
    assert "Usage" in ended.stdout


def test_the_help_shows_the_four_groups(capfd: pytest.CaptureFixture[str]) -> None:
    application.main(["--help"])

    shown = capfd.readouterr().out
    positions = [shown.index(f" {group} ") for group in ("Data", "Model", "Release", "Operate")]
    assert positions == sorted(positions)


@pytest.mark.parametrize(
    ("words", "code"),
    [
        pytest.param(["status", "--json"], "no-home", id="no home"),
        pytest.param(["train", "--json", "--famly", "cf"], "usage", id="unknown option"),
        pytest.param(["trian", "--json"], "usage", id="unknown verb"),
        pytest.param(["prepare", "--json", "-P", "cf.l3=1"], "bad-parameter", id="unknown key"),
    ],
)
def test_a_mistake_is_one_json_object_on_stdout_and_three_lines_for_people(
    tmp_path: Path, words: list[str], code: str
) -> None:
    (tmp_path / "params.yaml").write_bytes((ROOT / "params.yaml").read_bytes())

    ended = tandem(*words, cwd=tmp_path)

    error = json.loads(ended.stdout)["error"]
    assert ended.returncode == 2
    assert error["code"] == code
    assert set(error) == {"code", "message", "where", "hint"}
    assert ended.stderr.startswith(f"error: {error['message']}")
    assert "\nhint: " in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_mistake_is_written_where_the_run_wrapper_says(tmp_path: Path) -> None:
    file = tmp_path / "error.json"

    ended = tandem("status", cwd=tmp_path, TANDEM_ERROR_FILE=str(file))

    assert ended.returncode == 2
    assert ended.stdout == ""
    assert json.loads(file.read_text())["code"] == "no-home"
    assert json.loads(file.read_text())["exit_code"] == 2


def test_a_bug_ends_with_1_and_names_the_file_with_the_traceback(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise ZeroDivisionError("division by zero")

    monkeypatch.setenv("TANDEM_HOME", str(tmp_path))
    monkeypatch.setattr("pipelines.status.step.run", broken)

    code = application.main(["status", "--json"])

    answer = json.loads(capfd.readouterr().out)["error"]
    assert code == 1
    assert answer["code"] == "bug"
    assert "ZeroDivisionError" in Path(answer["where"][0]).read_text()


def test_output_has_no_colour_codes_away_from_a_terminal(tmp_path: Path) -> None:
    assert "\x1b[" not in tandem("--help").stdout
    assert "\x1b[" not in tandem("status", cwd=tmp_path).stderr
