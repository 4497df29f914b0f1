"""`report.html`: one self-contained page about one evaluation; equal figures give equal bytes."""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from pipelines import charts, storage
from pipelines.contracts.model import (
    Difference,
    Estimate,
    Estimates,
    Metrics,
    Prepared,
    TrainReport,
    Winner,
)

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem;
  color: #1c2128; background: #fff }
table { border-collapse: collapse; margin: .6rem 0 1.2rem; font-variant-numeric: tabular-nums }
th, td { border-bottom: 1px solid #d8dee4; padding: .3rem .7rem; text-align: right }
th:first-child, td:first-child, .facts td { text-align: left }
.facts td:first-child { white-space: nowrap }
.wins { background: #e8f3ea } small { color: #59636e } svg { max-width: 100%; height: auto }
"""
RANKING = ("hr", "ndcg", "mrr")
CATALOGUE = ("coverage", "gini", "novelty")


@dataclass(frozen=True)
class Report:
    """What the report shows."""

    winner: Winner
    prepared: Prepared
    metrics: Metrics
    reports: Sequence[TrainReport]
    k: int


def page(content: Report) -> str:
    """The whole report as one HTML page."""
    sections = (
        _summary(content),
        _families(content),
        _paired(content),
        _tasks(content),
        _slices(content),
        _learning(content),
    )
    title = f"Evaluation of {content.prepared.data_version}"
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        f"<h1>{_text(title)}</h1>\n" + "\n".join(sections) + "\n</body></html>\n"
    )


def _summary(content: Report) -> str:
    winner, prepared = content.winner, content.prepared
    counts = prepared.counts
    chosen = ", ".join(f"{family} {score:.4f}" for family, score in winner.scores.items())
    facts = [
        ("Winner", f"{winner.family}, by {winner.chosen_by}" + (f" ({chosen})" if chosen else "")),
        ("Kind of run", prepared.kind),
        ("Data", f"{prepared.dataset}, {prepared.data_version}"),
        ("Events", f"{counts.train} train, {counts.validation} validation, {counts.test} test"),
        ("Users, items", f"{counts.users}, {counts.items}"),
        ("Test window", f"from {content.metrics.cut}"),
        ("Judged model", f"learnt until {storage.micros_to_rfc3339(winner.fit_until)}"),
        ("Artifact", winner.artifact_digest),
    ]
    rows = "".join(f"<tr><td>{_text(k)}</td><td>{_text(v)}</td></tr>" for k, v in facts)
    return f'<table class="facts">{rows}</table>'


def _families(content: Report) -> str:
    names = [f"{name}_at_{content.k}" for name in (*RANKING, *CATALOGUE)]
    return (
        f"<h2>Test window, <code>live</code></h2>\n{_table(content, names)}"
        "<p><small>Each event is predicted from all that its user had done strictly before it. "
        "95 % intervals by resampling users.</small></p>"
    )


def _tasks(content: Report) -> str:
    figures = content.metrics.test["live"]
    heads = content.prepared.heads
    present = list(dict.fromkeys(name for family in figures.values() for name in family))
    names = [name for name in present if any(name.startswith(f"{head}_") for head in heads)]
    return f"<h2>Tasks</h2>\n{_table(content, names)}" if names else ""


def _table(content: Report, names: Sequence[str]) -> str:
    figures = content.metrics.test["live"]
    sizes = [next((f[name] for f in figures.values() if name in f), None) for name in names]
    head = "".join(
        f"<th>{_label(name)}<br><small>n {size.n_events}, users {size.n_users}</small></th>"
        for name, size in zip(names, sizes, strict=True)
        if size is not None
    )
    rows = "".join(
        f"<tr{' class=wins' if family == content.winner.family else ''}><td>{_text(family)}</td>"
        + "".join(_cell(known, name) for name in names)
        + "</tr>"
        for family, known in figures.items()
    )
    return f"<table><tr><th>family</th>{head}</tr>{rows}</table>"


def _cell(known: Estimates, name: str) -> str:
    return f"<td>{_estimate(known[name]) if name in known else '-'}</td>"


def _paired(content: Report) -> str:
    pairs = content.metrics.paired["live"]
    names = list(next(iter(pairs.values()), {}))
    head = "".join(f"<th>{_label(name)}</th>" for name in names)
    rows = "".join(
        f"<tr><td>{_text(pair)}</td>"
        + "".join(f"<td>{_difference(known[name])}</td>" for name in names)
        + "</tr>"
        for pair, known in pairs.items()
    )
    return f"<h2>Paired differences</h2>\n<table><tr><th>pair</th>{head}</tr>{rows}</table>"


def _slices(content: Report) -> str:
    metric = f"ndcg_at_{content.k}"
    figures = content.metrics.slices["live"]
    groups = ("history", "item")
    shown = {
        family: {
            name: estimates[metric]
            for name, estimates in slices.items()
            if name.partition(":")[0] in groups
        }
        for family, slices in figures.items()
    }
    names = list(dict.fromkeys(name for slices in figures.values() for name in slices))
    head = "".join(f"<th>{_text(family)}</th>" for family in figures)
    rows = "".join(_slice_row(content, name, metric) for name in names)
    return (
        f"<h2>Slices, {_label(metric)}</h2>\n{charts.bars(shown, _label(metric))}"
        f"<table><tr><th>slice</th><th>n</th><th>users</th>{head}</tr>{rows}</table>"
    )


def _slice_row(content: Report, name: str, metric: str) -> str:
    families = content.metrics.slices["live"].values()
    size = next(slices[name][metric] for slices in families if name in slices)
    cells = "".join(
        f"<td>{_estimate(slices[name][metric]) if name in slices else '-'}</td>"
        for slices in families
    )
    return f"<tr><td>{_text(name)}</td><td>{size.n_events}</td><td>{size.n_users}</td>{cells}</tr>"


def _learning(content: Report) -> str:
    return "".join(_curves(report) for report in content.reports if report.learning_curve)


def _curves(report: TrainReport) -> str:
    rows = report.learning_curve
    names = [name for name in rows[0] if name != "epoch"]
    drawn = "".join(charts.curves(rows, "epoch", [name], name) for name in names)
    return f"<h2>Learning curves, {_text(report.family)}, {report.epochs} epochs</h2>\n{drawn}"


def _estimate(estimate: Estimate) -> str:
    if estimate.low is None or estimate.high is None:
        return f"{estimate.value:.4f}"
    return f"{estimate.value:.4f} <small>{estimate.low:.4f} … {estimate.high:.4f}</small>"


def _difference(gap: Difference) -> str:
    return f"{gap.difference:+.4f} <small>{gap.low:+.4f} … {gap.high:+.4f}</small>"


def _label(metric: str) -> str:
    name, separator, k = metric.rpartition("_at_")
    return _text(f"{name.upper()}@{k}" if separator else metric.replace("_", " "))


def _text(value: object) -> str:
    return html.escape(str(value))
