"""Charts of an evaluation as inline SVG: calibration, and what accuracy is traded for."""

import math
from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.figure import Figure

from pipelines import charts
from pipelines.measures.metrics.prediction import Bin

GREY = charts.COLOURS[0]
MARKERS = "osD^vP*Xhp"


def calibration(curves: Mapping[str, Sequence[Bin]], title: str) -> str:
    """Shares of positives over mean predictions; on the diagonal a head is calibrated."""
    with mpl.rc_context(charts.STYLE):
        chart = Figure(figsize=(4.6, 4.2), layout="constrained")
        axes = chart.subplots()
        axes.plot([0, 1], [0, 1], color=GREY, linestyle="--", linewidth=0.9, label="calibrated")
        for place, (family, bins) in enumerate(curves.items()):
            known = [one for one in bins if one.n]
            axes.plot(
                [one.predicted for one in known],
                [one.observed for one in known],
                marker=MARKERS[place % len(MARKERS)],
                markersize=4,
                label=family,
                color=charts.COLOURS[(place + 1) % len(charts.COLOURS)],
            )
        axes.set_xlabel("mean prediction")
        axes.set_xlim(0, 1)
        axes.set_ylim(0, 1)
        return charts.svg(chart, axes, title, is_named=True)


def trade_off(points: Mapping[str, Mapping[str, float]], x: str, y: str, name: str) -> str:
    """One point per family: what its slates do to the catalogue, and how accurate they are.

    Args:
        points: By family, values by metric; a family that lacks one is left out.
        x: A metric, the horizontal axis.
        y: A metric, the vertical axis.
        name: Of the horizontal axis.
    """
    with mpl.rc_context(charts.STYLE):
        chart = Figure(figsize=(4.6, 3.4), layout="constrained")
        axes = chart.subplots()
        for place, (family, values) in enumerate(points.items()):
            at = values.get(x, math.nan), values.get(y, math.nan)
            if all(map(math.isfinite, at)):
                axes.scatter(
                    *at,
                    s=34,
                    marker=MARKERS[place % len(MARKERS)],
                    color=charts.COLOURS[place % len(charts.COLOURS)],
                    label=family,
                )
        axes.set_xlabel(name)
        return charts.svg(chart, axes, "NDCG", is_named=bool(points))
