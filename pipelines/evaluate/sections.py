"""Sections of the report beyond the protocols: tasks, trade-offs, slices, errors, learning."""

from collections.abc import Sequence

from pipelines import charts
from pipelines.contracts.model import Metrics, TrainReport
from pipelines.evaluate import drawings
from pipelines.evaluate.findings import Findings
from pipelines.evaluate.markup import Row, estimate, figure, label, note, section, table, text
from pipelines.evaluate.measuring import LIVE, WINDOW
from pipelines.evaluate.protocol_sections import families
from pipelines.measures.metrics.prediction import BINS

IN_CHART = ("history", "item")
"""Kinds of slices that are drawn; all are in the table."""
TRADES = {
    "coverage": "share of the catalogue shown",
    "novelty": "novelty, bits",
    "diversity": "diversity within a slate",
}


def tasks(metrics: Metrics, winner: str, heads: Sequence[str]) -> str:
    """The heads' predictions of what was chosen."""
    figures = metrics.test[LIVE].values()
    present = dict.fromkeys(name for family in figures for name in family)
    tables = [
        families(metrics, LIVE, winner, [n for n in present if n.startswith(f"{head}_")])
        for head in heads
    ]
    return section("Tasks", *tables)


def calibration(findings: Findings) -> str:
    """Reliability of each binary head."""
    parts = []
    for head, curves in findings.calibration.items():
        drawn = drawings.calibration(curves, "share of positives")
        parts.append(figure(drawn, f"{head}: what came of the predictions", f"calibration-{head}"))
        parts += [
            table(
                f"{text(head)}, {text(family)}: predictions in {BINS} bins",
                ["bin", "n", "mean prediction", "share of positives"],
                [
                    Row(
                        f"{place / BINS:.1f} to {(place + 1) / BINS:.1f}",
                        [str(one.n), f"{one.predicted:.3f}", f"{one.observed:.3f}"]
                        if one.n
                        else ["0", "", ""],
                    )
                    for place, one in enumerate(bins)
                ],
            )
            for family, bins in curves.items()
        ]
    return section("Calibration on the test window", *parts)


def trade_off(metrics: Metrics, k: int) -> str:
    """Accuracy over what is shown."""
    points = {
        family: {name: known.value for name, known in figures.items()}
        for family, figures in metrics.test[LIVE].items()
    }
    drawn = [
        figure(
            drawings.trade_off(points, f"{name}_at_{k}", f"ndcg_at_{k}", words),
            f"NDCG@{k} against {words}, one point per family",
            f"trade-{name}",
        )
        for name, words in TRADES.items()
        if any(f"{name}_at_{k}" in values for values in points.values())
    ]
    charts_ = f'<div class="charts">\n{"".join(drawn)}\n</div>' if drawn else ""
    return section("Accuracy against coverage, novelty and diversity", charts_)


def slices(metrics: Metrics, winner: str, k: int) -> str:
    """By history, by item, by who the user is."""
    metric = f"ndcg_at_{k}"
    shown = {
        family: {
            name: estimates[metric]
            for name, estimates in by_name.items()
            if name.partition(":")[0] in IN_CHART
        }
        for family, by_name in metrics.slices[LIVE].items()
    }
    chart = figure(
        charts.bars(shown, f"NDCG@{k}"), f"NDCG@{k} by slice, {LIVE}, with intervals", "slices"
    )
    parts = [_sliced(metrics, protocol, winner, metric) for protocol in (LIVE, WINDOW)]
    return section("Slices", chart, *parts)


def errors(findings: Findings, winner: str, k: int) -> str:
    """For how many users the rival would have been the better choice; it holds no ids."""
    rows = [
        Row(
            name,
            [
                str(o.n_users),
                f"{o.better:.1%}",
                f"{1 - o.better - o.worse:.1%}",
                f"{o.worse:.1%}",
            ],
        )
        for name, o in findings.outcomes.items()
    ]
    rival = text(findings.rival or "")
    head = ["slice", "users", f"{text(winner)} is better", "equal", f"{rival} is better"]
    return section(
        "Errors: who would have been served better otherwise",
        table(f"Shares of users, by mean NDCG@{k}, <code>{LIVE}</code>", head, rows),
        note(
            f"{rival} is the winner's rival by validation. A user of few events is often ahead or "
            "behind by chance; the shares say how much is left to gain, not whom to serve by what."
        )
        if rows
        else "",
    )


def learning(reports: Sequence[TrainReport]) -> str:
    """A chart per column of each learning curve."""
    parts = []
    for report in reports:
        for place, name in enumerate(n for n in _columns(report) if n != "epoch"):
            drawn = charts.curves(report.learning_curve, "epoch", [name], name)
            caption = f"{report.family}, {report.epochs} epochs: {name.replace('_', ' ')}"
            parts.append(figure(drawn, caption, f"learning-{report.family}-{place}"))
    return section("Learning curves", *parts)


def _columns(report: TrainReport) -> list[str]:
    return list(report.learning_curve[0]) if report.learning_curve else []


def _sliced(metrics: Metrics, protocol: str, winner: str, metric: str) -> str:
    by_family = metrics.slices[protocol]
    names = dict.fromkeys(name for by_name in by_family.values() for name in by_name)
    rows = []
    for name in names:
        known = [by_name.get(name, {}).get(metric) for by_name in by_family.values()]
        counted = next(one for one in known if one is not None)
        cells = [str(counted.n_events), str(counted.n_users), *map(estimate, known)]
        rows.append(Row(name, cells))
    head = ["slice", "n", "users", *(_marked(family, winner) for family in by_family)]
    return table(f"{label(metric)} by slice, <code>{protocol}</code>", head, rows)


def _marked(family: str, winner: str) -> str:
    return f"{text(family)} (winner)" if family == winner else text(family)
