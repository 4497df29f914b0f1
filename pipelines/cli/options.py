"""Options that verbs share: --json, --params and -P; and paths as they were typed."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipelines.params import Params

# The launcher moves to the clone's root; taken out, so that verbs we start do not inherit it.
INVOKED_FROM = Path(os.environ.pop("TANDEM_INVOKED_FROM", ""))


def as_typed(text: str) -> Path:
    """A path as the caller means it: relative to where the caller stands."""
    return INVOKED_FROM / text


Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
ParamsFile = Annotated[
    Path | None,
    typer.Option(
        "--params", help="Parameter file; else that of the clone.", parser=as_typed, metavar="FILE"
    ),
]
Overrides = Annotated[
    list[str] | None, typer.Option("-P", metavar="KEY=VALUE", help="Override one parameter.")
]


def load(path: Path | None, overrides: list[str] | None) -> "Params":
    """The parameters, with overrides."""
    from pipelines.params import Params

    return Params.load(path or Path("params.yaml"), overrides or ())
