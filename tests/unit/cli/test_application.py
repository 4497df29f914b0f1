"""An error is told though telling it fails, too."""

import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.cli import application

BUG_ON_A_FULL_DISK = """
import resource, sys
from pipelines.cli import application
from pipelines.status import step
step.run = lambda: 1 / 0
resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
sys.exit(application.main(["status"]))
"""


def test_an_error_file_that_cannot_be_written_takes_nothing_from_the_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path))
    monkeypatch.setenv("TANDEM_ERROR_FILE", "/dev/null/error.json")

    code = application.main(["status"])

    assert code == 2
    assert "error: this home has no state repository" in capfd.readouterr().err


def test_the_traceback_of_a_bug_is_printed_where_it_cannot_be_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path))

    ended = subprocess.run(
        [sys.executable, "-c", BUG_ON_A_FULL_DISK], capture_output=True, text=True, check=False
    )

    assert ended.returncode == 1
    assert "ZeroDivisionError: division by zero" in ended.stderr
    assert ended.stderr.strip().endswith(
        "error: a bug in Tandem: ZeroDivisionError; the traceback is above"
    )
