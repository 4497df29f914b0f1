"""One partition's decision as a self-contained page: no script, no link out, no user id."""

from collections.abc import Iterable, Sequence
from html import escape

from pipelines.contracts.data import Check, PartitionReport
from pipelines.validate import decision

_STYLE = """
:root { color-scheme: light dark }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem }
tr { border-bottom: 1px solid #8884 }
.verdict { font-weight: 600; padding: .6rem 1rem; border-left: .4rem solid }
.accepted { border-color: #2a8a4a } .refused { border-color: #c0392b }
.failed, .raised { color: #c0392b; font-weight: 600 } .some { color: #b9770e; font-weight: 600 }
""".strip()
_SENTENCES = {
    "ACCEPT": "Accepted: every row is in the data version.",
    "ACCEPT_WITH_QUARANTINE": "Accepted; some rows are in quarantine, with their reasons.",
    "REJECT": "Refused: a critical check failed. Nothing of it was accepted.",
    "ERROR": "Refused: a check could not be made, which never counts as passed.",
}


def page(report: PartitionReport) -> str:
    """The page of a decision, HTML."""
    kind = "accepted" if report.decision.startswith("ACCEPT") else "refused"
    title = f"{report.dataset}, partition {report.key}"
    checks = sorted(report.checks, key=_order)
    parts = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="verdict {kind}">{report.decision}. {_SENTENCES[report.decision]}</p>',
        _table((), _facts(report)),
        "<h2>Rows</h2>",
        _table(("table", "read", "accepted", "quarantined", "copies dropped"), _rows(report)),
        "<h2>Notices</h2>" if report.notices else "",
        _table(("what", "said"), [(n.slug, n.text) for n in report.notices]),
        "<h2>Checks</h2>",
        _checks(checks),
        *_examples(checks),
        f"<p>{escape(_where(report))}</p>",
    ]
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}: {report.decision}</title><style>{_STYLE}</style></head>"
        f"<body>{''.join(parts)}</body></html>\n"
    )


def _facts(report: PartitionReport) -> list[tuple[str, str]]:
    values = "none"
    if report.value_mean is not None:
        values = f"mean {report.value_mean:.3f}, standard deviation {report.value_sd or 0:.3f}"
    return [
        ("data version", report.tag or "none"),
        ("period", f"{report.period_start} to {report.period_end}"),
        ("events", f"{report.first_event or '-'} to {report.last_event or '-'}"),
        ("users, items", f"{report.users:,}, {report.items:,}"),
        ("values", values),
        ("landing", f"r{report.landing_revision}, digest {report.landing_digest[:16]}"),
        ("source", f"digest {report.source_digest[:16]}"),
    ]


def _rows(report: PartitionReport) -> list[tuple[str, ...]]:
    return [
        (name, f"{r.read:,}", f"{r.accepted:,}", f"{r.quarantined:,}", f"{r.dropped:,}")
        for name, r in report.tables.items()
    ]


def _order(check: Check) -> tuple[bool, bool, str]:
    return (not decision.is_fatal(check), not check.n_unexpected, check.table)


def _checks(checks: Sequence[Check]) -> str:
    header = "".join(f"<th>{name}</th>" for name in ("check", "severity", "outcome", "what"))
    lines = [
        f"<tr><td>{escape(check.table)}<br>{escape(check.check)}</td><td>{check.severity}</td>"
        f'<td class="{_class(check)}">{_outcome(check)}</td><td>{escape(_what(check))}</td></tr>'
        for check in checks
    ]
    return f"<table><tr>{header}</tr>{''.join(lines)}</table>"


def _examples(checks: Sequence[Check]) -> list[str]:
    """The first rows of each check that did not expect some; nothing in the clear is a user."""
    parts = []
    for check in checks:
        if check.examples:
            heading = f"{check.table}: {check.slug}, {check.reason}"
            rows = [(str(e.line), e.user, e.item, e.column, e.value) for e in check.examples]
            parts.append(f"<h3>{escape(heading)}</h3>")
            parts.append(_table(("source line", "user", "item", "column", "holds"), rows))
    return ["<h2>Examples</h2>", *parts] if parts else []


def _class(check: Check) -> str:
    if decision.is_fatal(check):
        return check.outcome
    return "some" if check.n_unexpected else ""


def _outcome(check: Check) -> str:
    if check.outcome == "passed" and check.n_unexpected:
        return f"{check.n_unexpected:,} within the limit"
    return check.outcome


def _what(check: Check) -> str:
    if not check.n_unexpected and check.outcome == "passed":
        return f"would say: {check.reason}"
    return decision.describe(check) + (f". {check.hint}" if check.hint else "")


def _where(report: PartitionReport) -> str:
    refused = sum(rows.quarantined + rows.dropped for rows in report.tables.values())
    if not refused or report.tag is None:
        return ""
    return f"Refused rows: quarantine/dt={report.key}/rows.jsonl in the home, private to its owner."


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    body = "".join(
        "<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows
    )
    head = "".join(f"<th>{name}</th>" for name in header)
    return f"<table>{'<tr>' + head + '</tr>' if head else ''}{body}</table>" if body else ""
