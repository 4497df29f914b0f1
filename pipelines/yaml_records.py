"""YAML files behind strict records: read, overridden, and refused by name."""

import difflib
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipelines.errors import BadParameter


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML 1.2 mapping from a file.

    Raises:
        BadParameter: The file is missing, is not YAML or holds no mapping.
    """
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except OSError as error:
        hint = "run this in the root of a clone, or name the file with --params"
        what = f"a file cannot be read: {error.strerror}"
        raise BadParameter(what, where=[str(path)], hint=hint) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise BadParameter(f"not YAML: {error}", where=[str(path)]) from error
    if not isinstance(content, dict):
        raise BadParameter("not a mapping of keys to values", where=[str(path)])
    return content


def refused(error: ValidationError, source: str, model: type[BaseModel]) -> BadParameter:
    """A pydantic refusal as ours: the key, what is allowed, and the nearest known key."""
    # a misspelt key is both missing and unknown: the unknown one says what to do
    details = sorted(error.errors(), key=lambda item: item["type"] != "extra_forbidden")
    first = details[0]
    places = [".".join(map(str, item["loc"])) + f" in {source}" for item in details]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return BadParameter(f"unknown key {key}", where=places, hint=_nearest(first["loc"], model))
    if first["type"] == "missing":
        return BadParameter(
            f"{key} is missing", where=places, hint=f"copy it from {Path(source).name} on main"
        )
    value = repr(first["input"])[:64]
    return BadParameter(
        f"{key} = {value} is not allowed", where=places, hint=_allowed(first["msg"])
    )


def override(content: dict[str, Any], setting: str) -> None:
    """Puts a `key=value` such as `cf.l2=100.0` into a mapping, in place.

    Raises:
        BadParameter: It is not of that form, or its key is not there.
    """
    key, separator, text = setting.partition("=")
    if not separator or not key:
        raise BadParameter(f"{setting!r} is not key=value", hint="for example -P cf.l2=100.0")
    parts = key.split(".")
    section: Any = content
    for part in parts[:-1]:
        section = section.get(part) if isinstance(section, dict) else None
    if not isinstance(section, dict) or parts[-1] not in section:
        raise BadParameter(f"unknown key {key}", where=["-P"], hint="see params.yaml for the keys")
    try:
        section[parts[-1]] = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise BadParameter(f"{setting!r} has a value that is not YAML", where=["-P"]) from error


def _allowed(message: str) -> str:
    own = message.removeprefix("Value error, ")
    return own[0].lower() + own[1:].replace("Input should", "it should")


def _nearest(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    fields: dict[str, Any] = dict(model.model_fields)
    for part in location[:-1]:
        annotation = fields[str(part)].annotation if str(part) in fields else None
        fields = dict(getattr(annotation, "model_fields", {}))
    names = [field.alias or name for name, field in fields.items()]
    near = difflib.get_close_matches(str(location[-1]), names, n=1)
    return f"did you mean {near[0]}?" if near else f"known keys here: {', '.join(names)}"
