"""Can we afford it: size, latency, memory? Figures that vary are not written, only the verdict."""

from collections.abc import Iterator

from pipelines.contracts.model import Check
from pipelines.gate.case import Case, Subject
from pipelines.gate.checks.integrity import subjects
from pipelines.gate.load import Load
from pipelines.gate.outcome import decided

MEGABYTE = 1_000_000
FIGURES = "figures in reports/cost.json"


def checks(case: Case) -> Iterator[Check]:
    """`size`, `latency` and `memory`, for each artifact."""
    for subject in subjects(case):
        yield size(case, subject)
        if subject.load is None:
            yield from (subject.not_asked(f"{n}:{subject.name}") for n in ("latency", "memory"))
            continue
        yield latency(case, subject.name, subject.load)
        yield memory(case, subject.name, subject.load)


def size(case: Case, subject: Subject) -> Check:
    """Megabytes on disk."""
    megabytes, limit = subject.n_bytes / MEGABYTE, float(case.params.max_megabytes)
    name = f"size:{subject.name}"
    return decided(name, megabytes <= limit, megabytes, limit, "megabytes of the artifact")


def latency(case: Case, name: str, load: Load) -> Check:
    """Fast enough, and not many times as slow as another model of its family."""
    params = case.params
    beside = (
        "there is no other model of its family here to compare with"
        if load.slowdown is None
        else f"at most {params.max_slowdown} times that of another model of its family, in turns"
    )
    is_fast = load.latency_ms <= params.max_latency_ms
    return decided(
        f"latency:{name}",
        is_fast and (load.slowdown is None or load.slowdown <= params.max_slowdown),
        None,
        params.max_latency_ms,
        "milliseconds, the 99th percentile with an empty, a typical and the longest history; "
        f"{beside}; {FIGURES}",
    )


def memory(case: Case, name: str, load: Load) -> Check:
    """It does not grow with the requests that it answers."""
    limit = float(case.params.max_memory_growth_mb)
    reason = f"megabytes that 10,000 requests add to the process, by slope; {FIGURES}"
    return decided(f"memory:{name}", load.growth_bytes <= limit * MEGABYTE, None, limit, reason)
