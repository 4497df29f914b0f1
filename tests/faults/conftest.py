"""Counts faults: each test names one by `@pytest.mark.fault(NUMBER)`; the end says n of n.

A test that takes `seed` runs once for each of `--seeds` (`@pytest.mark.fault(1, seeds=10)`: of 10).
"""

from collections import defaultdict
from dataclasses import dataclass

import pytest

from tests.faults.catalogue import FAULTS

SEEDS = 3


@dataclass(frozen=True)
class Outcome:
    """How one test of a fault ended."""

    number: int
    name: str
    verdict: str
    seconds: float


OUTCOMES: list[Outcome] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--seeds", type=int, default=SEEDS, help="seeds of each fault that is random")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "fault(number, seeds=None): the fault that a test injects")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "seed" in metafunc.fixturenames:
        fault = metafunc.definition.get_closest_marker("fault")
        asked = fault.kwargs.get("seeds") if fault else None
        metafunc.parametrize("seed", range(asked or metafunc.config.getoption("--seeds")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> "pytest.TestReport":
    report: pytest.TestReport = yield
    fault = item.get_closest_marker("fault")
    if fault is not None and (report.when == "call" or not report.passed):
        verdict = "survived" if report.passed else f"NOT SURVIVED ({report.outcome})"
        OUTCOMES.append(Outcome(fault.args[0], item.name, verdict, report.duration))
    return report


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        fault = item.get_closest_marker("fault")
        if "tests/faults/" in item.nodeid and (fault is None or fault.args[0] not in FAULTS):
            raise pytest.UsageError(f"{item.nodeid} names no fault of the catalogue")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A fault of the catalogue without a test fails a run over the whole folder."""
    whole = [str(path).rstrip("/") for path in session.config.args] == ["tests/faults"]
    if whole and len(survived()) < len(FAULTS):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if not OUTCOMES:
        return
    terminalreporter.section("faults")
    for one in sorted(OUTCOMES, key=lambda outcome: (outcome.number, outcome.name)):
        line = f"{one.number:>3}  {one.verdict:<24} {one.seconds:7.1f} s  {one.name}"
        terminalreporter.write_line(line)
    for number in sorted(FAULTS.keys() - {one.number for one in OUTCOMES}):
        terminalreporter.write_line(f"{number:>3}  not run: {FAULTS[number]}")
    n_runs = sum(one.verdict == "survived" for one in OUTCOMES)
    terminalreporter.write_line(
        f"{len(survived())}/{len(FAULTS)} faults survived, {n_runs}/{len(OUTCOMES)} runs"
    )


def survived() -> set[int]:
    """Numbers of the faults that were injected and survived in every run."""
    ended: dict[int, list[str]] = defaultdict(list)
    for one in OUTCOMES:
        ended[one.number].append(one.verdict)
    return {number for number, verdicts in ended.items() if set(verdicts) == {"survived"}}
