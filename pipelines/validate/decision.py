"""From findings to a decision, and to where each row goes. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from pipelines.contracts.data import Check, Decision, Notice, Rows
from pipelines.validate.rules import Finding

DUPLICATE = "duplicate"


@dataclass(frozen=True)
class Sorted:
    """Where the rows of one table go, by position."""

    n_rows: int
    quarantined: dict[int, list[str]]
    """Reasons by position."""
    dropped: list[int]
    """Copies of a row that stays."""
    unreadable: dict[str, list[int]]
    """By column: values that count as missing."""

    @property
    def counts(self) -> Rows:
        """The counts; they add up by construction, which is asserted."""
        kept = self.n_rows - len(self.refused)
        counts = Rows(
            read=self.n_rows,
            accepted=kept,
            quarantined=len(self.quarantined),
            dropped=len(self.dropped),
        )
        assert counts.read == counts.accepted + counts.quarantined + counts.dropped  # noqa: S101 (the identity that every report relies on)
        return counts

    @property
    def refused(self) -> dict[int, list[str]]:
        """All rows that are not accepted, with their reasons."""
        return self.quarantined | {position: [DUPLICATE] for position in self.dropped}


def sort_rows(findings: Sequence[Finding], n_rows: int) -> Sorted:
    """Where each row of a table goes.

    Args:
        findings: Of this table.
        n_rows: Rows that were judged.
    """
    reasons: dict[int, list[str]] = {}
    copies: list[int] = []
    unreadable: dict[str, list[int]] = {}
    for finding in findings:
        if finding.check.slug == DUPLICATE:
            copies = finding.positions
        elif finding.check.level == "row":
            for position in finding.positions:
                reasons.setdefault(position, []).append(finding.check.slug)
        elif finding.check.level == "value":
            column = finding.check.check.partition(".")[0]
            unreadable.setdefault(column, []).extend(finding.positions)
    dropped = [position for position in copies if position not in reasons]
    return Sorted(n_rows, dict(sorted(reasons.items())), dropped, unreadable)


def decide(checks: Sequence[Check], tables: Sequence[Rows]) -> Decision:
    """The decision over a partition.

    Args:
        checks: Of all its tables.
        tables: Row counts of all its tables.
    """
    if any(check.outcome == "raised" for check in checks):
        return "ERROR"
    if any(is_fatal(check) for check in checks):
        return "REJECT"
    if any(rows.quarantined or rows.dropped for rows in tables):
        return "ACCEPT_WITH_QUARANTINE"
    return "ACCEPT"


def is_fatal(check: Check) -> bool:
    """Whether this outcome alone refuses the partition."""
    failed = check.outcome == "failed" and check.severity == "critical"
    return failed or check.outcome == "raised"


def fatal(checks: Sequence[Check]) -> list[Check]:
    """What refused a partition, the most telling first: raised, whole tables, then most rows."""
    order = {"raised": 0, "table": 1, "value": 2, "row": 2}
    return sorted(
        (check for check in checks if is_fatal(check)),
        key=lambda check: (
            order["raised" if check.outcome == "raised" else check.level],
            -check.n_unexpected,
        ),
    )


def notices(checks: Sequence[Check]) -> list[Notice]:
    """What a person should know: failures that decide nothing, and values that were not read."""
    told = [
        check
        for check in checks
        if (check.outcome == "failed" and not is_fatal(check))
        or (check.level == "value" and check.severity == "critical" and check.n_unexpected)
    ]
    return [Notice(slug=check.slug, text=f"{check.table}: {describe(check)}") for check in told]


def describe(check: Check) -> str:
    """One line for people: what failed, how often, what was seen, in which lines."""
    parts = [check.reason]
    if check.outcome == "raised":
        parts = [f"{check.check} could not be checked: {check.observed}"]
    elif check.table == "partition":
        parts[0] += f": {check.observed}"
    else:
        parts.append(f"({check.n_unexpected:,} of {check.n_checked:,} rows")
        parts[-1] += f", at most {check.limit:.0%} may)" if check.limit else ")"
        if check.observed:
            parts.append(f"for example {check.observed}")
    if check.lines:
        parts.append(f"in line {', '.join(map(str, check.lines[:3]))}")
    return " ".join(parts)
