"""What the state says of itself: its parameters and its data set, from a commit."""

from io import BytesIO
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML

from pipelines.descriptors import Descriptor
from pipelines.home import Home
from pipelines.state.fetch import require_file
from pipelines.state.repository import MAIN
from pipelines.yaml_records import refused

PARAMS = "params.yaml"


def yaml_at(home: Home, commit: str, path: str) -> dict[str, Any]:
    """A YAML file of a commit.

    Raises:
        BadRecord: The commit has no such file.
    """
    content = require_file(home, commit, path)
    return dict(YAML(typ="safe", pure=True).load(BytesIO(content)))


def descriptor(home: Home) -> Descriptor:
    """The descriptor of the home's data set.

    Raises:
        BadParameter: The state has one that this Tandem does not take.
    """
    path = f"datasets/{yaml_at(home, MAIN, PARAMS)['dataset']}.yaml"
    try:
        return Descriptor.model_validate(yaml_at(home, MAIN, path))
    except ValidationError as error:
        raise refused(error, f"{path} of the state", Descriptor) from error


def keep_runs(home: Home, commit: str = MAIN) -> int | None:
    """How many clones of runs the state keeps; None for all: its parameters know no limit yet."""
    number = yaml_at(home, commit, PARAMS).get("state", {}).get("keep_runs")
    return None if number is None else int(number)
