"""A search drawn as inline SVG: its course, what mattered, what was traded."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from pipelines import charts
from pipelines.contracts.tune import Trial

GREY, BLUE, ORANGE = charts.COLOURS[:3]


def course(trials: Sequence[Trial], present: int | None, title: str) -> str:
    """Each complete trial's value, the best so far, and the present setting's as a line."""
    whole = [(trial.number, trial.value) for trial in trials if trial.value is not None]
    best = [max(value for _, value in whole[: place + 1]) for place in range(len(whole))]
    with mpl.rc_context(charts.STYLE):
        chart, axes = _chart(2.8)
        numbers = [number for number, _ in whole]
        axes.scatter(numbers, [value for _, value in whole], s=14, color=BLUE, label="trial")
        axes.step(numbers, best, where="post", color=ORANGE, label="best so far")
        for _, value in (point for point in whole if point[0] == present):
            axes.axhline(value, color=GREY, linestyle="--", linewidth=0.9, label="present setting")
        axes.set_xlabel("trial")
        return charts.svg(chart, axes, title, is_named=True)


def shares(importance: Mapping[str, float]) -> str:
    """The importance of each parameter, the greatest on top."""
    ordered = sorted(importance.items(), key=lambda one: one[1])
    with mpl.rc_context(charts.STYLE):
        chart, axes = _chart(0.6 + 0.28 * len(ordered))
        axes.barh([name for name, _ in ordered], [share for _, share in ordered], color=BLUE)
        axes.set_xlabel("share of what tells the best tenth of trials from the rest")
        return charts.svg(chart, axes, "", is_named=False)


def trade(trials: Sequence[Trial], front: Sequence[int], x: str, y: str) -> str:
    """Trials by two objectives, those of the front marked."""
    known = [trial for trial in trials if x in trial.metrics and y in trial.metrics]
    with mpl.rc_context(charts.STYLE):
        chart, axes = _chart(3.2)
        for name, colour, is_front in (("trial", GREY, False), ("Pareto front", ORANGE, True)):
            some = [trial for trial in known if (trial.number in front) is is_front]
            axes.scatter(
                [trial.metrics[x] for trial in some],
                [trial.metrics[y] for trial in some],
                s=18,
                color=colour,
                label=name,
            )
        axes.set_xlabel(x)
        return charts.svg(chart, axes, y, is_named=True)


def _chart(height: float) -> tuple[Figure, Axes]:
    chart = Figure(figsize=(charts.WIDTH_INCHES, height), layout="constrained")
    return chart, chart.subplots()
