"""Verbs of the Data group: ingest, validate."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import Json, Overrides, ParamsFile, as_typed, load

GROUP = "Data"


def register(app: typer.Typer) -> None:
    """Adds this group's verbs."""
    app.command(rich_help_panel=GROUP)(ingest)
    app.command(rich_help_panel=GROUP)(validate)


def ingest(
    from_: Annotated[str | None, typer.Option("--from", metavar="KEY", help="First KEY.")] = None,
    to: Annotated[str | None, typer.Option("--to", metavar="KEY", help="Last KEY.")] = None,
    partition: Annotated[
        str | None, typer.Option(metavar="KEY", help="The KEY whose rows --file replaces.")
    ] = None,
    file: Annotated[
        Path | None, typer.Option(parser=as_typed, metavar="FILE", help="Rows for --partition.")
    ] = None,
    list_: Annotated[bool, typer.Option("--list", help="Only list the source's KEYs.")] = False,
    as_json: Json = False,
    params: ParamsFile = None,
    override: Overrides = None,
) -> None:
    """Fetch source rows into landing; by default the next partition that is missing.

    Example: tandem ingest --from 1997-09-15 --to 1998-03-30
    """
    from pipelines.contracts.data import IngestRequest
    from pipelines.ingest import step

    if list_:
        console.show(step.list_keys(load(params, override)), as_json)
        return
    request = IngestRequest(from_key=from_, to_key=to, partition=partition, file=file)
    console.show(step.run(load(params, override), request), as_json)


def validate(as_json: Json = False, params: ParamsFile = None, override: Overrides = None) -> None:
    """Judge what ingest landed; accept it, quarantine rows, or refuse it.

    Example: tandem validate
    """
    from pipelines.validate import step

    console.show(step.run(load(params, override)), as_json)
