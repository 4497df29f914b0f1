"""What a run may be called, and which run there is."""

from pathlib import Path

import pytest

from pipelines.errors import RunName, UnknownRun
from pipelines.home import Home
from pipelines.state import record


@pytest.mark.parametrize(
    "name", ["nightly-7", "recommender_training.manual__2026-03-01T00-00-00.5-00-00.ab12cd34"]
)
def test_a_name_that_is_a_folder_and_a_branch_is_taken(name: str) -> None:
    assert record.check_name(name) == name


@pytest.mark.parametrize(
    "name", ["", "../x", "a/b", "a b", ".hidden", "a..b", "a.lock", "a.", "a.json", "x" * 161, "ä"]
)
def test_other_names_are_refused(name: str) -> None:
    with pytest.raises(RunName):
        record.check_name(name)


def test_a_run_that_was_not_opened_is_unknown(tmp_path: Path) -> None:
    with pytest.raises(UnknownRun, match="nightly"):
        record.find(Home(tmp_path), "nightly")
