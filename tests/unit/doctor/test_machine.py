"""Checks of the machine, with what cannot be caused here given as an argument."""

from pathlib import Path

import pytest

from pipelines.contracts.doctor import Finding
from pipelines.doctor import machine
from pipelines.doctor.findings import Check, made
from pipelines.errors import PortTaken
from pipelines.home import Home


def test_another_python_fails_and_says_which_is_needed() -> None:
    found = machine.python("python", (3, 12))

    assert (found.verdict, found.detail) == ("fail", "3.12; 3.11 is needed")
    assert machine.python("python").verdict == "ok"


@pytest.mark.parametrize(
    ("version", "verdict"),
    [
        # affected: 3.7.0 to 3.51.2; corrected in 3.51.3, 3.50.7 and 3.44.6
        ((3, 6, 23), "ok"),
        ((3, 7, 0), "warn"),
        ((3, 40, 1), "warn"),
        ((3, 44, 5), "warn"),
        ((3, 44, 6), "ok"),
        ((3, 45, 9), "warn"),
        ((3, 50, 6), "warn"),
        ((3, 50, 7), "ok"),
        ((3, 51, 2), "warn"),
        ((3, 51, 3), "ok"),
        ((3, 52, 0), "ok"),
    ],
    ids=lambda value: value if isinstance(value, str) else ".".join(map(str, value)),
)
def test_sqlite_with_the_wal_reset_bug_is_warned_of(
    version: tuple[int, int, int], verdict: str
) -> None:
    assert machine.sqlite("sqlite", version).verdict == verdict


def test_packages_other_than_the_lock_says_fail_by_name(tmp_path: Path) -> None:
    (tmp_path / "requirements").mkdir()
    (tmp_path / machine.LOCK).write_text("psutil==0.1.2 \\\n    --hash=sha256:00\n")

    found = machine.installed("packages", tmp_path)

    assert (found.verdict, found.hint) == ("fail", "run `make set-up`")
    assert "psutil" in found.detail


def test_without_a_lock_nothing_is_compared_and_that_is_said(tmp_path: Path) -> None:
    assert machine.installed("packages", tmp_path).verdict == "warn"


def test_a_missing_program_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))

    found = machine.programs("programs")

    assert (found.verdict, found.detail) == ("fail", "missing: git, curl")


def test_a_disk_without_room_fails_with_needed_and_free(tmp_path: Path) -> None:
    home = Home(tmp_path / "not" / "yet")

    assert machine.disk("disk", home, needed=1e18).verdict == "fail"
    assert machine.disk("disk", home, needed=1.0).verdict == "ok"


def test_little_memory_is_warned_of() -> None:
    assert machine.memory("memory", total=2e9).verdict == "warn"
    assert machine.memory("memory", total=8e9).verdict == "ok"


def test_a_check_that_cannot_be_made_is_a_finding_with_its_error() -> None:
    def taken(_: str) -> Finding:
        raise PortTaken("port 1 is in use", where=["up.blue_port"], hint="end it")

    def broken(_: str) -> Finding:
        raise ZeroDivisionError("division by zero")

    assert made(Check("ports", taken)) == Finding(
        name="ports", verdict="fail", detail="port 1 is in use (up.blue_port)", hint="end it"
    )
    assert (
        made(Check("x", broken)).detail == "cannot be checked: ZeroDivisionError: division by zero"
    )
