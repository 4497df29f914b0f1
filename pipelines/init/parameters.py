"""The home's parameters: params.yaml of the state, with what `init` was asked for written in."""

from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.nodes import ScalarNode
from ruamel.yaml.representer import RoundTripRepresenter

from pipelines import storage
from pipelines.params import Params


def changes(wanted: Params, file: Path) -> dict[tuple[str, ...], Any]:
    """Leaves of params.yaml that have another value than is wanted, by their path of keys."""
    present = dict(_leaves(Params.load(file).model_dump(by_alias=True)))
    asked = dict(_leaves(wanted.model_dump(by_alias=True)))
    return {keys: value for keys, value in asked.items() if present[keys] != value}


def apply(file: Path, changed: Mapping[tuple[str, ...], Any]) -> None:
    """Writes values into the file; its comments and its order stay."""
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 200
    yaml.representer.add_representer(type(None), _null)
    content = yaml.load(file.read_text(encoding="utf-8"))
    for keys, value in changed.items():
        section = content
        for key in keys[:-1]:
            section = section[key]
        if isinstance(value, list):
            section[keys[-1]][:] = value  # in place, so that it stays on its line
        else:
            section[keys[-1]] = value
    text = BytesIO()
    yaml.dump(content, text)
    storage.write_atomic(file, text.getvalue())


def _null(representer: RoundTripRepresenter, _: None) -> ScalarNode:
    """`null` stays what it is; left to itself ruamel writes nothing."""
    return representer.represent_scalar("tag:yaml.org,2002:null", "null")


def _leaves(
    content: Mapping[str, Any], prefix: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in content.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, (*prefix, key))
        else:
            yield (*prefix, key), value
