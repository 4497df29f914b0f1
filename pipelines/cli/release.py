"""Verbs of the Release group: register, package, deploy, rollback."""

from typing import Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import Json, Overrides, ParamsFile, load

GROUP = "Release"
Version = Annotated[
    str | None, typer.Option(metavar="VERSION", help="For example recommender@v3.0.0.")
]


def register(app: typer.Typer) -> None:
    """Adds this group's verbs."""
    app.command("register", rich_help_panel=GROUP)(register_version)
    for verb in (package, deploy, rollback):
        app.command(rich_help_panel=GROUP)(verb)


def register_version(as_json: Json = False) -> None:
    """Give the run's commit a version, if the gate's verdict is ship.

    Example: tandem run step ID register
    """
    from pipelines.register import step

    console.show(step.run(), as_json)


def package(version: Version = None, as_json: Json = False) -> None:
    """Build the Bento of a registered version; by default the newest that may ship.

    Example: tandem package
    """
    from pipelines.package import step

    console.show(step.run(version), as_json)


def deploy(
    version: Version = None,
    as_json: Json = False,
    params: ParamsFile = None,
    override: Overrides = None,
) -> None:
    """Start a version in the idle slot, check it, and route to it.

    Example: tandem deploy
    """
    from pipelines.deploy import step

    console.show(step.run(load(params, override), version), as_json)


def rollback(as_json: Json = False, params: ParamsFile = None, override: Overrides = None) -> None:
    """Route back to the previous version and mark the present one.

    Example: tandem rollback
    """
    from pipelines.rollback import step

    console.show(step.run(load(params, override)), as_json)
