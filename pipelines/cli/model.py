"""Verbs of the Model group: prepare, train, evaluate, tune, refit, gate, compare, reproduce."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import Json, Overrides, ParamsFile, as_typed, load

GROUP = "Model"


def register(app: typer.Typer) -> None:
    """Adds this group's verbs."""
    for verb in (prepare, train, evaluate, tune, refit, gate, compare, reproduce):
        app.command(rich_help_panel=GROUP)(verb)


def prepare(as_json: Json = False, params: ParamsFile = None, override: Overrides = None) -> None:
    """Join accepted partitions and cut them by time into what models learn from.

    Example: tandem prepare
    """
    from pipelines.prepare import step

    console.show(step.run(load(params, override)), as_json)


def train(
    family: Annotated[str, typer.Option(help="One of params.yaml's families.")],
    as_json: Json = False,
    params: ParamsFile = None,
    override: Overrides = None,
) -> None:
    """Fit one family up to the cut and score it on the validation window.

    Example: tandem train --family multitask
    """
    from pipelines.train import step

    console.show(step.run(load(params, override), family), as_json)


def evaluate(as_json: Json = False, params: ParamsFile = None, override: Overrides = None) -> None:
    """Name the winner from validation, then read the test window once.

    Example: tandem evaluate
    """
    from pipelines.evaluate import step

    console.show(step.run(load(params, override)), as_json)


def tune(
    budget: Annotated[float, typer.Option(min=0, metavar="MINUTES", help="Wall time for all.")],
    family: Annotated[
        list[str] | None, typer.Option(metavar="NAME", help="Only this one; may be repeated.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Of the search; else fit.seed.")] = None,
    write: Annotated[
        bool, typer.Option("--write", help="Put what improves into the parameter file.")
    ] = False,
    as_json: Json = False,
    params: ParamsFile = None,
    override: Overrides = None,
) -> None:
    """Search better settings on the validation window; killed and restarted, it goes on.

    Example: tandem tune --budget 10 --family cf
    """
    from pipelines.tune import step

    file, overrides = params or Path("params.yaml"), override or []
    wanted = step.Wanted(budget, tuple(family or ()), seed, write, file, overrides)
    console.show(step.run(load(params, override), wanted), as_json)


def refit(as_json: Json = False, params: ParamsFile = None, override: Overrides = None) -> None:
    """Fit the winner's recipe through the newest partition.

    Example: tandem refit
    """
    from pipelines.refit import step

    console.show(step.run(load(params, override)), as_json)


def gate(
    enforce: Annotated[bool, typer.Option(help="Exit 4 on reject, 99 on hold.")] = False,
    artifact: Annotated[
        Path | None,
        typer.Option(
            parser=as_typed,
            metavar="DIR",
            help="Judge this artifact folder; exit 4 unless it ships.",
        ),
    ] = None,
    as_json: Json = False,
    params: ParamsFile = None,
    override: Overrides = None,
) -> None:
    """Decide ship, hold or reject, with every check's value, threshold and reason.

    Example: tandem gate --enforce
    """
    from pipelines.gate import step

    settings = load(params, override)
    if artifact:
        console.show(step.run_on_artifact(settings, artifact), as_json, step.require_ship)
    else:
        console.show(step.run(settings), as_json, step.enforce if enforce else None)


def compare(
    origins: Annotated[int, typer.Option(min=1, help="How many cuts in time.")] = 4,
    families: Annotated[
        str, typer.Option(metavar="A,B", help="Which families; all by default.")
    ] = "",
    as_json: Json = False,
    params: ParamsFile = None,
    override: Overrides = None,
) -> None:
    """Fit families at several cuts in time and compare them on what followed each.

    Example: tandem compare --origins 4 --families cf,multitask
    """
    from pipelines.compare import step

    settings = load(params, override)
    chosen = families.split(",") if families else settings.families
    console.show(step.run(settings, chosen, origins), as_json)


def reproduce(
    version: Annotated[
        str, typer.Argument(metavar="VERSION", help="For example recommender@v3.0.0.")
    ],
    as_json: Json = False,
) -> None:
    """Rebuild a registered version from its commit, with an empty cache, and compare.

    Example: tandem reproduce recommender@v1.0.0
    """
    from pipelines.reproduce import step

    console.show(step.run(version), as_json, step.enforce)
