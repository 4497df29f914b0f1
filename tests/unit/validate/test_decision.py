import pytest

from pipelines.contracts.data import Check, Decision, Rows
from pipelines.validate import decision
from pipelines.validate.rules import Finding
from tests.unit.validate.reports import a_check

CLEAN = Rows(read=10, accepted=10, quarantined=0, dropped=0)
QUARANTINED = Rows(read=10, accepted=9, quarantined=1, dropped=0)
DROPPED = Rows(read=10, accepted=9, quarantined=0, dropped=1)
FAILED = a_check(outcome="failed", n_unexpected=50)
WARNED = a_check(outcome="failed", severity="warning", n_unexpected=50)
RAISED = a_check(outcome="raised", severity="info", observed="no such column")


@pytest.mark.parametrize(
    ("checks", "tables", "expected"),
    [
        ([a_check()], [CLEAN, CLEAN], "ACCEPT"),
        ([a_check(n_unexpected=1)], [QUARANTINED, CLEAN], "ACCEPT_WITH_QUARANTINE"),
        ([a_check()], [CLEAN, DROPPED], "ACCEPT_WITH_QUARANTINE"),
        ([a_check(), WARNED], [CLEAN], "ACCEPT"),
        ([a_check(), FAILED], [QUARANTINED], "REJECT"),
        ([FAILED, RAISED], [QUARANTINED], "ERROR"),
        ([a_check(), RAISED], [CLEAN], "ERROR"),
    ],
)
def test_the_worst_outcome_decides_and_a_check_that_raised_never_passes(
    checks: list[Check], tables: list[Rows], expected: Decision
) -> None:
    assert decision.decide(checks, tables) == expected


def finding(slug: str, positions: list[int], **changes: object) -> Finding:
    return Finding(a_check(slug=slug, **changes), positions)


def test_every_row_goes_to_one_place_and_the_counts_add_up() -> None:
    findings = [
        finding("value-range", [1, 4]),
        finding("wrong-partition", [4]),
        finding("duplicate", [4, 7, 8], severity="warning"),
        finding("id-blanks", [0], level="table", severity="info"),
    ]

    rows = decision.sort_rows(findings, 10)

    assert rows.quarantined == {1: ["value-range"], 4: ["value-range", "wrong-partition"]}
    assert rows.dropped == [7, 8]  # row 4 is refused for more than being a copy
    assert rows.counts == Rows(read=10, accepted=6, quarantined=2, dropped=2)
    assert rows.refused[7] == ["duplicate"]


def test_values_that_cannot_be_read_refuse_no_row() -> None:
    unreadable = finding("feature-type", [2], level="value", check="year.feature-type")

    rows = decision.sort_rows([unreadable], 10)

    assert rows.unreadable == {"year": [2]}
    assert rows.counts.accepted == 10


def test_what_refused_a_partition_is_named_with_the_most_telling_first() -> None:
    few = a_check(outcome="failed", slug="few", n_unexpected=20)
    many = a_check(outcome="failed", slug="many", n_unexpected=90)
    whole = a_check(outcome="failed", slug="whole", level="table", n_unexpected=1)

    named = decision.fatal([few, WARNED, many, whole, a_check(), RAISED])

    assert [check.slug for check in named] == ["value-range", "whole", "many", "few"]


def test_a_failure_is_described_by_reason_count_limit_value_and_line() -> None:
    check = FAILED.model_copy(update={"observed": "6, 0", "lines": [7, 9, 11, 12]})

    assert decision.describe(check) == (
        "the value lies outside 1 to 5 (50 of 200 rows, at most 10% may) "
        "for example 6, 0 in line 7, 9, 11"
    )


def test_warnings_and_unread_values_are_notices_and_refusals_are_not() -> None:
    unread = a_check(level="value", slug="feature-type", n_unexpected=1, table="items")

    told = decision.notices([FAILED, WARNED, unread, a_check()])

    assert [notice.slug for notice in told] == ["value-range", "feature-type"]
    assert told[1].text.startswith("items: ")
