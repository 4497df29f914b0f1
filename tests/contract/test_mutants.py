"""The seeded faults stay what they claim: their lines are there, and so are the tests they name."""

from dataclasses import replace
from pathlib import Path

import pytest

from tests.mutants.__main__ import apply, is_killed
from tests.mutants.catalogue import MUTANTS, Mutant

ROOT = Path(__file__).resolve().parents[2]
AREAS = {"gate", "split", "exclusions", "run commit", "deployment machine", "mapping"}


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.what)
def test_a_mutant_changes_a_line_that_is_there_and_names_a_test_that_is_there(
    mutant: Mutant,
) -> None:
    lines = (ROOT / mutant.path).read_text().splitlines()
    file, _, function = mutant.test.partition("::")

    assert [line.strip() for line in lines].count(mutant.line) == 1
    assert mutant.instead != mutant.line
    assert f"def {function}(" in (ROOT / file).read_text()


def test_there_are_twenty_mutants_or_more_in_every_area() -> None:
    assert len(MUTANTS) >= 20
    assert {mutant.what.partition(":")[0] for mutant in MUTANTS} >= AREAS


def test_a_change_that_its_test_does_not_notice_is_no_kill(
    capsys: pytest.CaptureFixture[str],
) -> None:
    unnoticed = replace(MUTANTS[0], instead=f"{MUTANTS[0].line}  # the same")

    assert not is_killed(unnoticed)
    assert "SURVIVED" in capsys.readouterr().out


def test_a_line_that_is_no_longer_there_is_no_mutant(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("left = 1\n")

    with pytest.raises(ValueError, match="0 times"):
        apply(replace(MUTANTS[0], path="module.py", line="gone = 1"), tmp_path)
    assert path.read_text() == "left = 1\n"
