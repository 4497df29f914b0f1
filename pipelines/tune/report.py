"""`tune.html`: one self-contained page about a search; equal records give equal bytes."""

import html
from collections.abc import Sequence

from pipelines.contracts.tune import Search, Setting, Trial, TuneReport
from pipelines.tune import drawings

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem;
  color: #1c2128; background: #fff }
table { border-collapse: collapse; margin: .6rem 0 1.2rem; font-variant-numeric: tabular-nums }
th, td { border-bottom: 1px solid #d8dee4; padding: .3rem .7rem; text-align: right }
th:first-child, td:first-child { text-align: left }
small { color: #59636e } svg { max-width: 100%; height: auto }
"""
SHOWN = 20
"""Trials in the table, the best first; all are in the record."""


def page(report: TuneReport) -> str:
    """The whole report as one HTML page."""
    title = f"Tuning on {report.data_version}"
    sections = "\n".join(_family(report, search) for search in report.searches)
    return (
        f'<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width">'
        f"<title>{_text(title)}</title><style>{STYLE}</style></head>\n<body>\n"
        f"<h1>{_text(title)}</h1>\n"
        f"<p>{_text(report.dataset)}, {_text(report.metric)} of the written artifact on the "
        f"validation window, <code>live</code>; the test window was not there to be read. "
        f"Seed {report.seed}, budget {report.budget_minutes:g} minutes."
        f"{' Interrupted.' if report.is_interrupted else ''}</p>\n"
        f"<p><small>The best of many settings on one window looks better than it is. "
        f"The corrected difference lets resampled users choose and the others judge.</small></p>\n"
        f"{sections}\n</body></html>\n"
    )


def _family(report: TuneReport, search: Search) -> str:
    parts = [
        f"<h2>{_text(search.family)}</h2>\n<p>{_text(search.verdict)}.</p>",
        _counts(search),
        drawings.course(search.trials, search.present, report.metric),
        _settings(search),
        _importance(search),
        _front(report.metric, search),
        _trials(report.metric, search),
    ]
    return "\n".join(part for part in parts if part)


def _counts(search: Search) -> str:
    states = [trial.state for trial in search.trials]
    counts = ", ".join(f"{states.count(s)} {s}" for s in ("complete", "pruned", "failed"))
    return f"<p><small>Study {_text(search.study)}: {counts}.</small></p>"


def _settings(search: Search) -> str:
    by_number = {trial.number: trial.setting for trial in search.trials}
    present: Setting = by_number.get(search.present, {}) if search.present is not None else {}
    best: Setting = by_number.get(search.best, {}) if search.best is not None else {}
    rows = "".join(
        f"<tr><td><code>{_text(name)}</code></td><td>{_range(space)}</td>"
        f"<td>{_text(present.get(name, '-'))}</td><td>{_text(best.get(name, '-'))}</td></tr>"
        for name, space in search.space.items()
    )
    head = "<tr><th>parameter</th><th>space</th><th>present</th><th>best</th></tr>"
    return f"<table>{head}{rows}</table>"


def _range(space: dict[str, object]) -> str:
    if "choices" in space:
        return _text(space["choices"])
    kind = ", log" if space.get("log") else f", step {space['step']}" if "step" in space else ""
    return _text(f"{space['low']} … {space['high']}{kind}")


def _importance(search: Search) -> str:
    if not search.importance:
        return ""
    return f"<h3>What mattered</h3>\n{drawings.shares(search.importance)}"


def _front(metric: str, search: Search) -> str:
    if not search.front:
        return ""
    drawn = "".join(
        drawings.trade(search.trials, search.front, metric, other)
        for other in search.objectives
        if other != metric
    )
    names = list(search.objectives)
    head = "".join(f"<th>{_text(name)}<br>{aim}</th>" for name, aim in search.objectives.items())
    rows = "".join(
        f"<tr><td>{t.number}</td>{''.join(f'<td>{t.metrics[n]:.4f}</td>' for n in names)}</tr>"
        for t in search.trials
        if t.number in search.front
    )
    return f"<h3>Pareto front</h3>\n{drawn}<table><tr><th>trial</th>{head}</tr>{rows}</table>"


def _trials(metric: str, search: Search) -> str:
    ordered = sorted(search.trials, key=lambda t: -1.0 if t.value is None else t.value)[::-1]
    head = "".join(f"<th>{_text(name)}</th>" for name in search.space)
    rows = "".join(_row(trial, list(search.space)) for trial in ordered[:SHOWN])
    return (
        f"<h3>Trials</h3>\n<table><tr><th>trial</th><th>state</th><th>{_text(metric)}</th>"
        f"{head}</tr>{rows}</table>"
    )


def _row(trial: Trial, names: Sequence[str]) -> str:
    value = "-" if trial.value is None else f"{trial.value:.4f}"
    cells = "".join(f"<td>{_text(trial.setting.get(name, '-'))}</td>" for name in names)
    return f"<tr><td>{trial.number}</td><td>{trial.state}</td><td>{value}</td>{cells}</tr>"


def _text(value: object) -> str:
    return html.escape(str(value))
