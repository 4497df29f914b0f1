"""params.yaml as frozen, strict records: an unknown key or a bad value is refused by name."""

import difflib
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.error import YAMLError

from pipelines.errors import BadParameter

Share = Annotated[float, Field(gt=0, lt=1)]
Positive = Annotated[int, Field(gt=0)]
PositiveFloat = Annotated[float, Field(gt=0)]
Port = Annotated[int, Field(ge=1024, le=65535)]
Family = Literal["popularity", "cf", "multitask"]


class Section(BaseModel):
    """A frozen section of params.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class IngestParams(Section):
    """Limits on what a source may hold."""

    max_source_bytes: Positive
    """Refuse larger sources, also after decompression."""
    max_field_length: Positive
    """Characters of one field."""
    fetch_attempts: Positive
    """Tries to fetch a source before giving up."""


class ValidateParams(Section):
    """Thresholds of the expectation suites."""

    max_row_failures: Share
    """Share of a partition's rows that one check may send to quarantine."""


class SplitParams(Section):
    """Where the global time cuts lie, as shares of events."""

    validation_from: Share
    test_from: Share
    refresh_from: Share
    """Of the newest partition, for a refresh."""


class HistoryParams(Section):
    """What serving remembers of a user."""

    max_events: Positive


class FitParams(Section):
    """What every fit shares."""

    seed: int
    threads: Positive


class PopularityParams(Section):
    """Popularity with recency decay."""

    half_life_days: PositiveFloat


class CfParams(Section):
    """EASE with recency-weighted history."""

    l2: PositiveFloat
    half_life_days: PositiveFloat


class MultitaskParams(Section):
    """The two-tower multi-task model."""

    embedding_dim: Positive
    max_history: Positive
    learning_rate: PositiveFloat
    batch_pages: Positive
    max_epochs: Positive
    patience: Positive


class EvaluateParams(Section):
    """How results are measured."""

    k: Positive
    bootstrap_samples: Positive
    batch: Positive


class GateParams(Section):
    """What a challenger must reach."""

    min_events: Positive
    min_users: Positive
    margin: Share


class UpParams(Section):
    """Services of one machine and their ports."""

    airflow: bool
    airflow_port: Port
    gateway_port: Port
    admin_port: Port
    blue_port: Port
    green_port: Port
    start_timeout_seconds: Positive


class DeployParams(Section):
    """The deployment machine's patience."""

    ready_timeout_seconds: Positive


class DemoParams(Section):
    """What the demo does."""

    hold_back: Positive
    timeout_seconds: Positive


class Params(Section):
    """All parameters. One attribute per section of params.yaml."""

    dataset: str
    families: list[Family] = Field(min_length=1)
    ingest: IngestParams
    validate_: ValidateParams = Field(alias="validate")
    split: SplitParams
    history: HistoryParams
    fit: FitParams
    popularity: PopularityParams
    cf: CfParams
    multitask: MultitaskParams
    evaluate: EvaluateParams
    gate: GateParams
    up: UpParams
    deploy: DeployParams
    demo: DemoParams

    @classmethod
    def load(cls, path: Path = Path("params.yaml"), overrides: Sequence[str] = ()) -> "Params":
        """The file's parameters, with `key=value` overrides such as `cf.l2=100.0`.

        Raises:
            BadParameter: The file is not YAML, a key is unknown or a value is not allowed.
        """
        content = read_yaml(path)
        for override in overrides:
            _apply(content, override)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise refused(error, str(path), cls) from error


def read_yaml(path: Path) -> dict[str, Any]:
    """A YAML 1.2 mapping from a file.

    Raises:
        BadParameter: The file is missing, is not YAML or holds no mapping.
    """
    try:
        content = YAML(typ="safe", pure=True).load(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        hint = "run this in the root of a clone, or name the file with --params"
        raise BadParameter("a file is missing", where=[str(path)], hint=hint) from error
    except (YAMLError, UnicodeDecodeError) as error:
        raise BadParameter(f"not YAML: {error}", where=[str(path)]) from error
    if not isinstance(content, dict):
        raise BadParameter("not a mapping of keys to values", where=[str(path)])
    return content


def refused(error: ValidationError, source: str, model: type[BaseModel]) -> BadParameter:
    """A pydantic refusal as ours: the key, what is allowed, and the nearest known key."""
    details = error.errors()
    first = details[0]
    places = [".".join(map(str, item["loc"])) + f" in {source}" for item in details]
    key = ".".join(map(str, first["loc"]))
    if first["type"] == "extra_forbidden":
        return BadParameter(f"unknown key {key}", where=places, hint=_nearest(first["loc"], model))
    if first["type"] == "missing":
        return BadParameter(
            f"{key} is missing", where=places, hint="copy it from params.yaml on main"
        )
    value = repr(first["input"])[:64]
    return BadParameter(
        f"{key} = {value} is not allowed", where=places, hint=_allowed(first["msg"])
    )


def _allowed(message: str) -> str:
    return message[0].lower() + message[1:].replace("Input should", "it should")


def _nearest(location: tuple[int | str, ...], model: type[BaseModel]) -> str:
    fields: dict[str, Any] = dict(model.model_fields)
    for part in location[:-1]:
        annotation = fields[str(part)].annotation if str(part) in fields else None
        fields = dict(getattr(annotation, "model_fields", {}))
    names = [field.alias or name for name, field in fields.items()]
    near = difflib.get_close_matches(str(location[-1]), names, n=1)
    return f"did you mean {near[0]}?" if near else f"known keys here: {', '.join(names)}"


def _apply(content: dict[str, Any], override: str) -> None:
    key, separator, text = override.partition("=")
    if not separator or not key:
        raise BadParameter(f"{override!r} is not key=value", hint="for example -P cf.l2=100.0")
    parts = key.split(".")
    section: Any = content
    for part in parts[:-1]:
        section = section.get(part) if isinstance(section, dict) else None
    if not isinstance(section, dict) or parts[-1] not in section:
        raise BadParameter(f"unknown key {key}", where=["-P"], hint="see params.yaml for the keys")
    section[parts[-1]] = YAML(typ="safe", pure=True).load(text)
