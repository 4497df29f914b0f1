"""`report.html`: one self-contained page about one evaluation; equal figures give equal bytes.

The verdict comes first, then what it rests on. What varies between runs is in `appendix.html`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from pipelines.contracts.model import (
    Difference,
    Metrics,
    Prepared,
    TrainReport,
    Winner,
)
from pipelines.evaluate import protocol_sections, sections, summary
from pipelines.evaluate.findings import Findings
from pipelines.evaluate.markup import text

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem;
  color: #1c2128; background: #fff }
.wide { overflow-x: auto; margin: .6rem 0 1.2rem }
table { border-collapse: collapse; font-variant-numeric: tabular-nums }
caption { text-align: left; font-weight: 600; padding: .3rem 0 }
th, td { border-bottom: 1px solid #d8dee4; padding: .3rem .7rem; text-align: right;
  vertical-align: top }
td, tbody th { white-space: nowrap } th:first-child { text-align: left }
tbody th { font-weight: 400 } thead small { font-weight: 400; white-space: nowrap }
code { overflow-wrap: anywhere } .wins { background: #e8f3ea }
small, .note, figcaption { color: #59636e; font-size: 13px }
.charts { display: flex; flex-wrap: wrap; gap: 1rem } figure { margin: .6rem 0; max-width: 100% }
svg { max-width: 100%; height: auto } .verdict { border-left: 4px solid #3b7dd8; padding: 0 1rem }
"""


@dataclass(frozen=True)
class Report:
    """What the report shows."""

    winner: Winner
    prepared: Prepared
    metrics: Metrics
    reports: Sequence[TrainReport]
    gaps: Mapping[str, Difference]
    """By challenger, its difference to the best baseline on validation."""
    findings: Findings
    k: int


def page(content: Report) -> str:
    """The whole report as one HTML page."""
    metrics, winner, k = content.metrics, content.winner, content.k
    title = f"Evaluation of {content.prepared.data_version}"
    parts = (
        summary.verdict(winner, metrics, content.findings, k),
        summary.facts(winner, content.prepared, metrics),
        summary.validation(winner, content.reports, content.gaps, k),
        protocol_sections.live(metrics, winner.family, k),
        protocol_sections.window(metrics, winner.family, k),
        protocol_sections.reranking(metrics, k),
        sections.tasks(metrics, winner.family, content.prepared.heads),
        sections.calibration(content.findings),
        sections.trade_off(metrics, k),
        sections.slices(metrics, winner.family, k),
        sections.errors(content.findings, winner.family, k),
        sections.learning(content.reports),
    )
    return document(title, parts)


def document(title: str, parts: Sequence[str]) -> str:
    """A page of the report's looks."""
    body = "\n".join(part for part in parts if part)
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8"/>'
        f'<meta name="viewport" content="width=device-width, initial-scale=1"/>'
        f"<title>{text(title)}</title><style>{STYLE}</style></head>\n<body>\n<main>\n"
        f"<h1>{text(title)}</h1>\n{body}\n</main>\n</body></html>\n"
    )
