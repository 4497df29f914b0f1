"""Can we afford it: size, latency, memory? Figures that vary are not written, only the verdict."""

from collections.abc import Iterator

from pipelines.contracts.model import Check
from pipelines.gate.case import Case, Subject
from pipelines.gate.checks.integrity import subjects
from pipelines.gate.outcome import decided
from pipelines.gate.probe import Probe

MEGABYTE = 1_000_000
FIGURES = "figures in reports/cost.json"


def checks(case: Case) -> Iterator[Check]:
    """`size`, `latency` and `memory`, for each artifact."""
    for subject in subjects(case):
        if subject.probe is None:
            yield from _failed(subject)
        else:
            yield from _measured(case, subject.name, subject.probe)


def _failed(subject: Subject) -> Iterator[Check]:
    fault = subject.fault or "it could not be asked"
    for name in ("size", "latency", "memory"):
        yield decided(f"{name}:{subject.name}", False, None, None, fault)


def _measured(case: Case, name: str, probe: Probe) -> Iterator[Check]:
    params = case.params
    megabytes = probe.n_bytes / MEGABYTE
    yield decided(
        f"size:{name}",
        megabytes <= params.max_megabytes,
        megabytes,
        float(params.max_megabytes),
        "megabytes of the artifact",
    )
    yield decided(
        f"latency:{name}",
        probe.latency_ms <= params.max_latency_ms,
        None,
        params.max_latency_ms,
        f"milliseconds, the fastest of many requests with a long history; {FIGURES}",
    )
    yield decided(
        f"memory:{name}",
        probe.growth_bytes <= params.max_memory_growth_mb * MEGABYTE,
        None,
        float(params.max_memory_growth_mb),
        f"megabytes that the process grows over many requests; {FIGURES}",
    )
