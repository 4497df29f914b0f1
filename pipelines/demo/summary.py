"""How the demo's end looks to a person."""

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipelines.contracts.operate import Demo

CHAIN = (
    "partition",
    "data_version",
    "commit",
    "model_digest",
    "version",
    "bento",
    "slot",
    "judged_fit_until",
    "trained_until",
)


def render(demo: Demo) -> RenderableType:
    """The chain of ids, the slate, the seconds, and where to go on."""
    return Group(
        _timings(demo),
        _chain(demo),
        _slate(demo),
        Text("\nAsk for it yourself:"),
        Text(f"  {demo.curl}", no_wrap=True, overflow="ignore"),
        Text("\nLook around:"),
        Text(f"  Airflow  {demo.airflow}  (user and password: see client.env)"),
        *(Text(f"  report   {path}") for path in demo.reports),
        Text("\nThen: tandem simulate --partitions 1, tandem rollback, tandem status"),
    )


def _timings(demo: Demo) -> Table:
    table = Table(title="Seconds per step", title_justify="left", box=None)
    table.add_column("step")
    table.add_column("seconds", justify="right")
    for timed in demo.timings:
        table.add_row(timed.step, f"{timed.seconds:.1f}")
    table.add_row("sum", f"{sum(timed.seconds for timed in demo.timings):.1f}")
    return table


def _chain(demo: Demo) -> Table:
    table = Table(title="\nWhat is live", title_justify="left", box=None, show_header=False)
    table.add_column()
    table.add_column(overflow="fold")
    for name in CHAIN:
        table.add_row(name, str(demo.champion.get(name) or "-"))
    table.add_row("verdict", str(demo.verdict.get("verdict") or "-"))
    return table


def _slate(demo: Demo) -> Table:
    tasks = list(demo.slate[0].predictions) if demo.slate else []
    table = Table(title=f"\nFor user {demo.user_id}", title_justify="left", box=None)
    for name in ("rank", "item", "title", "score", *tasks):
        table.add_column(name, justify="left" if name == "title" else "right")
    for item in demo.slate:
        predictions = (f"{item.predictions[task]:.2f}" for task in tasks)
        row = (str(item.rank), item.item_id, item.title or "-", f"{item.score:.3f}")
        table.add_row(*row, *predictions)
    return table
