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
Rate = Annotated[float, Field(ge=0, lt=1)]
Weight = Annotated[float, Field(ge=0)]
Port = Annotated[int, Field(ge=1024, le=65535)]
Family = Literal["popularity", "cf", "content", "multitask"]


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
    """Share of a table's rows that one check may send to quarantine."""
    max_orphan_share: Share
    """Share of interactions whose item or user is in no snapshot."""
    max_missing_share: Share
    """Share of a feature's values that may be missing without a notice."""
    max_snapshot_loss: Share
    """Share of items or users that may vanish from one snapshot to the next."""
    max_amendment_loss: Share
    """Share of an accepted partition's rows that an amendment may drop."""
    max_id_length: Positive
    """Characters."""
    max_id_share: Share
    """Share of a partition's rows that have one user, or one item; more is a notice."""
    max_user_events: Positive
    """Events of one user in one partition; more is bot-like."""
    max_future_seconds: Positive
    """How far ahead of the wall clock a timestamp may be."""
    min_history: Positive
    """Earlier partitions, before a partition is compared with them."""
    history_window: Positive
    """Newest earlier partitions to compare with."""
    min_rows: Positive
    """Rows, before a partition's distribution is judged."""
    volume_low: Share
    """Rows, users and items, times the least of earlier partitions."""
    volume_high: PositiveFloat
    """Rows, users and items, times the most of earlier partitions."""
    max_value_shift: PositiveFloat
    """Of the mean beyond the range of earlier ones, in standard deviations."""
    min_value_spread: PositiveFloat
    """Standard deviation, times that of earlier partitions."""
    max_value_spread: PositiveFloat
    """Standard deviation, times that of earlier partitions."""
    max_value_psi: PositiveFloat
    """Population stability index of the values; more is a notice."""
    max_id_crossing: Share
    """Share by which ids fit better with user and item swapped."""


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
    """After that time an event counts half."""


class CfParams(Section):
    """EASE with recency-weighted history."""

    l2: PositiveFloat
    half_life_events: PositiveFloat
    """That many events further back, an event of the history weighs half."""
    max_history: Positive
    prior_half_life_days: PositiveFloat
    """As in `popularity`, for the prior."""
    prior_weight: PositiveFloat
    """Of recent popularity (largest = 1) beside the history's sum."""


class KindWeights(Section):
    """How much a field of an item adds to the cosine of two items, by the field's kind."""

    category: Weight
    tags: Weight
    number: Weight
    """Of timestamps, too."""
    text: Weight


class ContentParams(Section):
    """Item features against a recency-weighted history."""

    max_history: Positive
    half_life_events: PositiveFloat
    """That many events further back, an event of the history weighs half."""
    disliked_weight: Annotated[float, Field(ge=-1, le=1)]
    """Of an event whose value a binary task calls negative; a liked one weighs 1."""
    kind_weights: KindWeights
    prior_half_life_days: PositiveFloat
    """As in `popularity`, for the prior."""
    prior_weight: PositiveFloat
    """Of the root of recent popularity (largest = 1) beside the cosine."""


class FactorisationParams(Section):
    """Labels by factors of items, the user's part solved live; variances in units of the noise."""

    dim: Positive
    rounds: Positive
    """Of alternating between users and items while fitting."""
    l2: PositiveFloat
    """Of factors; its inverse is the variance of a taste in one direction."""
    item_bias_l2: PositiveFloat
    item_half_life_days: PositiveFloat
    """After that time a label counts half for its item."""
    user_variance: PositiveFloat
    """Of a user's lasting bias."""
    mood_variance: PositiveFloat
    """Of a user's passing bias."""
    mood_half_life_events: PositiveFloat
    """Two events that far apart share half of the mood."""
    taste_half_life_events: PositiveFloat


class ScoreWeights(Section):
    """What a task of each kind adds to the score, when a request does not say."""

    retrieval: PositiveFloat
    binary: Weight
    regression: Weight


class MultitaskParams(Section):
    """The two-tower multi-task model."""

    embedding_dim: Annotated[int, Field(gt=0, multiple_of=4)]
    """Of items and queries; four attention heads share it."""
    max_history: Positive
    """Newest events that the query tower reads."""
    head_width: Positive
    """Hidden units that the ranking heads share."""
    head_rank: Positive
    """Of each ranking head's bilinear form."""
    dropout: Rate
    item_dropout: Rate
    """Share of a history's events that are blanked while fitting."""
    id_dropout: Rate
    """Share of items shown without their own vector while fitting."""
    learning_rate: PositiveFloat
    weight_decay: PositiveFloat
    batch_pages: Positive
    """Pages (one user, one instant) in a batch."""
    max_epochs: Positive
    patience: Positive
    """Epochs without a better validation score before the fit ends."""
    ranking_loss_weight: PositiveFloat
    """Of each ranking task's loss; a retrieval task weighs 1."""
    score_weights: ScoreWeights


class EvaluateParams(Section):
    """How results are measured."""

    k: Positive
    bootstrap_samples: Positive
    batch: Positive


class GateParams(Section):
    """What a challenger must reach."""

    min_events: Positive
    """Fewer in the window decide nothing."""
    min_users: Positive
    margin: Share
    """Share of the champion's headline metric that may be lost."""
    max_share_of_best: Share
    """Of what an oracle that knows every page would reach; above is too good to be true."""
    max_gain: Annotated[float, Field(gt=1)]
    """Headline metric in multiples of the best other family's; above is too good to be true."""
    max_same_slate: Share
    """Share of users who may be shown one and the same slate."""
    min_auc: Share
    """Of binary tasks; an interval that includes it decides nothing."""
    max_calibration_error: Share
    min_coverage: Share
    """Share of the catalogue."""
    min_overlap: Share
    """Share of a judged slate that the refitted model shows too."""
    max_megabytes: Positive
    max_latency_ms: PositiveFloat
    max_memory_growth_mb: Positive


class StateParams(Section):
    """What stays of the runs."""

    keep_runs: Positive


class UpParams(Section):
    """Services of one machine and their ports."""

    airflow: bool
    airflow_database: Annotated[str, Field(pattern=r"^TANDEM_[A-Z0-9_]+$")] | None
    """The variable that holds the SQLAlchemy URL of Airflow's database; null: SQLite in the home.

    `TANDEM_` because the services inherit other variables of whoever starts them."""
    airflow_port: Port
    gateway_port: Port
    admin_port: Port
    blue_port: Port
    green_port: Port
    start_timeout_seconds: Positive


class DeployParams(Section):
    """Who must agree to a deployment, and the deployment machine's patience."""

    approval: bool
    """A person must agree, in Airflow, before the DAG deploys."""
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
    content: ContentParams
    multitask: MultitaskParams
    evaluate: EvaluateParams
    gate: GateParams
    state: StateParams
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
    try:
        section[parts[-1]] = YAML(typ="safe", pure=True).load(text)
    except YAMLError as error:
        raise BadParameter(f"{override!r} has a value that is not YAML", where=["-P"]) from error
