"""May it have learnt from what it learnt from?"""

from collections.abc import Iterator

from pipelines.contracts.model import Check
from pipelines.gate.case import Case
from pipelines.gate.checks.integrity import subjects
from pipelines.gate.outcome import decided, not_applicable


def checks(case: Case) -> Iterator[Check]:
    """`data_accepted`, then `forgotten_absent`."""
    yield data_accepted(case)
    yield not_applicable(
        "forgotten_absent", "this project keeps no list of people who asked to be forgotten"
    )


def data_accepted(case: Case) -> Check:
    """Each prepared interaction is one of an accepted partition, compared row by row.

    Of a foreign artifact only its claim can be checked: the data version that it names must be an
    accepted one.
    """
    name, accepted = "data_accepted", case.accepted
    if accepted.foreign_rows is None:
        return not_applicable(name, "there are no accepted partitions here to compare with")
    named = {subject.manifest.data_version for subject in subjects(case) if subject.manifest}
    unknown = sorted(named - set(accepted.versions))
    if unknown:
        reason = "it names data that were never accepted"
        return decided(name, False, ", ".join(unknown), None, reason)
    reason = f"of {accepted.n_rows} prepared interactions are in no accepted partition"
    return decided(name, accepted.foreign_rows == 0, accepted.foreign_rows, 0, reason)
