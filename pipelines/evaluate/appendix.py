"""`appendix.html`: what belongs to an evaluation and varies between runs; no output of a stage.

Seconds and memory depend on the machine, and the single-task twins are measured by hand
(`python -m benchmarks.twins`): the report's bytes must not depend on either.
"""

from collections.abc import Mapping
from pathlib import Path

from pipelines import storage
from pipelines.contracts.twins import TWINS, Twins
from pipelines.cost import COST
from pipelines.evaluate.markup import Row, estimate, label, note, section, table, text
from pipelines.evaluate.report import document

APPENDIX = Path("reports/appendix.html")
MEGABYTE = 1e6


def write() -> None:
    """Writes the page from what is in `reports/` by now."""
    costs = storage.read_json(COST) if COST.exists() else {}
    twins = storage.read_record(TWINS, Twins) if TWINS.exists() else None
    storage.write_atomic(APPENDIX, page(costs, twins).encode())


def page(costs: Mapping[str, Mapping[str, float]], twins: Twins | None) -> str:
    """The whole page.

    Args:
        costs: Figures by step, as in `reports/cost.json`.
        twins: None when they were not measured.
    """
    return document("Appendix to the evaluation", (_cost(costs), _twins(twins)))


def _cost(costs: Mapping[str, Mapping[str, float]]) -> str:
    rows = [
        Row(name, [f"{one['seconds']:.1f}", f"{one['peak_memory_bytes'] / MEGABYTE:.0f}"])
        for name, one in costs.items()
        if {"seconds", "peak_memory_bytes"} <= one.keys()
    ]
    return section(
        "Cost",
        table("Each step's last run here", ["step", "seconds", "peak memory, MB"], rows),
        note("Steps after this one, and this one itself, are told of by an earlier run."),
    )


def _twins(twins: Twins | None) -> str:
    title = "Multi-task against single-task"
    if twins is None:
        return section(title, note("Not measured here: <code>python -m benchmarks.twins</code>."))
    rows = [
        Row(
            f"{twin.task}, {twin.window}",
            [
                label(twin.metric),
                f"{twin.together:.4f}",
                f"{twin.alone:.4f}",
                estimate(twin.gap),
                str(twin.gap.n_users),
            ],
        )
        for twin in twins.twins
    ]
    head = ["task", "metric", "learnt together", "learnt alone", "together minus alone", "users"]
    return section(
        title,
        table(f"On {text(twins.data_version)}, {twins.epochs} epochs each", head, rows),
        note(
            "Of losses and errors less is better. Where the interval holds 0, learning the tasks "
            "together is not shown to help or to hurt: its case is one model with several outputs."
        ),
    )
