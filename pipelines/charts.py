"""Charts as inline SVG: equal figures give equal bytes."""

import io
from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines.contracts.model import Estimate

WIDTH_INCHES = 9.0
STYLE = {
    "svg.hashsalt": "tandem",
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 9,
    "axes.spines.top": False,
    "axes.spines.right": False,
}
COLOURS = ("#8a8f98", "#3b7dd8", "#e07b39", "#4c9a5b", "#8e5bb5")


def bars(figures: Mapping[str, Mapping[str, Estimate]], title: str) -> str:
    """Grouped bars with intervals.

    Args:
        figures: By family, then by group; a family may lack a group.
        title: Of the value axis.
    """
    groups = list(dict.fromkeys(group for family in figures.values() for group in family))
    width = 0.8 / max(1, len(figures))
    with mpl.rc_context(STYLE):
        chart = Figure(figsize=(WIDTH_INCHES, 3.2), layout="constrained")
        axes = chart.subplots()
        for place, (family, known) in enumerate(figures.items()):
            at = [groups.index(group) + (place - (len(figures) - 1) / 2) * width for group in known]
            axes.bar(
                at,
                [estimate.value for estimate in known.values()],
                width,
                yerr=_errors(list(known.values())),
                label=family,
                color=COLOURS[place % len(COLOURS)],
                error_kw={"elinewidth": 0.8, "capsize": 1.5},
            )
        axes.set_xticks(range(len(groups)), groups, rotation=20, ha="right")
        axes.set_ylim(bottom=0)
        return svg(chart, axes, title, is_named=bool(figures))


def curves(rows: Sequence[Mapping[str, float]], x: str, ys: Sequence[str], title: str) -> str:
    """Lines of several columns of a learning curve over its epochs."""
    with mpl.rc_context(STYLE):
        chart = Figure(figsize=(WIDTH_INCHES, 2.6), layout="constrained")
        axes = chart.subplots()
        for place, y in enumerate(ys):
            points = [(row[x], row[y]) for row in rows if x in row and y in row]
            axes.plot(
                [point[0] for point in points],
                [point[1] for point in points],
                marker="o",
                markersize=3,
                label=y,
                color=COLOURS[(place + 1) % len(COLOURS)],
            )
        axes.set_xlabel(x)
        return svg(chart, axes, title, is_named=bool(ys))


def svg(chart: Figure, axes: Axes, title: str, is_named: bool) -> str:
    """A drawn chart as an SVG element, to be called within STYLE.

    Args:
        chart: The chart.
        axes: Its axes.
        title: Of the value axis.
        is_named: Whether what is drawn has names for a legend.
    """
    axes.set_ylabel(title)
    if is_named:
        axes.legend(frameon=False, fontsize=8)
    sink = io.StringIO()
    nothing = dict.fromkeys(("Date", "Creator", "Format", "Type"))  # a version or a date each
    chart.savefig(sink, format="svg", metadata=nothing)
    text = sink.getvalue()
    return text[text.index("<svg") :]


def _errors(estimates: Sequence[Estimate]) -> list[list[float]]:
    below = [e.value - e.low if e.low is not None else 0.0 for e in estimates]
    above = [e.high - e.value if e.high is not None else 0.0 for e in estimates]
    return [[max(0.0, gap) for gap in below], [max(0.0, gap) for gap in above]]
