"""Does it behave as behaviours.yaml says?"""

from collections.abc import Iterator

from pipelines.contracts.model import Check
from pipelines.gate.case import Case
from pipelines.gate.checks.integrity import subjects
from pipelines.gate.outcome import decided, not_applicable


def checks(case: Case) -> Iterator[Check]:
    """`behaviour:NAME`, a check for each case and artifact."""
    for subject in subjects(case):
        if subject.probe is None:
            yield subject.not_asked(f"behaviour:{subject.name}")
        for seen in subject.observations:
            name = f"behaviour:{seen.name}:{subject.name}"
            if seen.ok is None:
                yield not_applicable(name, seen.reason)
            else:
                yield decided(name, seen.ok, seen.value, seen.threshold, seen.reason)
