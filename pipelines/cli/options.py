"""Options that every verb takes: --json, --params and -P."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipelines.params import Params

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
ParamsFile = Annotated[
    Path, typer.Option("--params", help="Parameter file.", show_default="params.yaml")
]
Overrides = Annotated[
    list[str] | None, typer.Option("-P", metavar="KEY=VALUE", help="Override one parameter.")
]
PARAMS = Path("params.yaml")


def load(path: Path, overrides: list[str] | None) -> "Params":
    """The parameters, with overrides."""
    from pipelines.params import Params

    return Params.load(path, overrides or ())
