"""params.yaml as frozen, strict records: an unknown key or a bad value is refused by name."""

from collections.abc import Sequence
from math import remainder
from pathlib import Path
from typing import Annotated, Literal

from pydantic import (
    Field,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)

from pipelines.sections import (
    AlsParams,
    MultitaskParams,
    NeighboursParams,
    Port,
    Positive,
    PositiveFloat,
    Section,
    SequenceParams,
    Share,
    Weight,
)
from pipelines.yaml_records import override, read_yaml, refused

ON_GRID = 1e-8
"""That far from a multiple of its step, a float is one."""
Family = Literal["popularity", "cf", "content", "neighbours", "als", "sequence", "multitask"]
Blend = Literal["blend"]


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
    max_items: Positive
    """The most chosen, which have weights for each other; memory grows with the square."""
    repeat_weight: Weight
    """Of the newest event on its own item, beside the history's sum; where items are repeated."""
    repeat_half_life_events: PositiveFloat
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


class BlendParams(Section):
    """A small ranker over the scores of three families."""

    sources: Annotated[list[Family], Field(min_length=3, max_length=3)]
    """Three, because dvc.yaml names each; the first one's predictions are the blend's."""
    l2: PositiveFloat
    """Of the squared weights, beside the mean log loss of an interaction."""
    alternatives: Positive
    """Items that a choice is compared with; a larger catalogue is sampled for each page."""
    max_pages: Positive
    """Newest pages of the validation window that the weights are fitted on."""


class EvaluateParams(Section):
    """How results are measured."""

    k: Positive
    bootstrap_samples: Positive
    batch: Positive


class Space(Section):
    """Where a parameter is searched: a range from `low` to `high`, or `choices`."""

    low: int | float | None = None
    high: int | float | None = None
    """Both ends belong to the range."""
    step: int | float | None = None
    """Between two values of the range, from `low` on; of integers 1 unless said."""
    log: bool = False
    """Whether equal ratios, and not equal differences, are equally far."""
    choices: Annotated[list[bool | int | float | str], Field(min_length=2)] | None = None

    @model_validator(mode="after")
    def _is_one_of_both(self) -> "Space":
        ends = (self.low, self.high)
        if self.choices is not None:
            if ends != (None, None) or self.step is not None or self.log:
                raise ValueError("be either choices or a range")
        elif self.low is None or self.high is None:
            raise ValueError("have choices, or both low and high")
        elif self.low >= self.high:
            raise ValueError("have its low below its high")
        elif self.step is not None and (self.log or self.step <= 0):
            raise ValueError("have a step above 0, and none where log is true")
        elif self.step is not None and abs(remainder(self.high - self.low, self.step)) > ON_GRID:
            raise ValueError("have a step that leads from its low to its high")
        elif self.log and self.low <= 0:
            raise ValueError("have its low above 0, where log is true")
        return self


class TuneParams(Section):
    """How settings are searched, and where."""

    random_trials: Positive
    """Of a study, before TPE learns from them where to look."""
    pruning_trials: Positive
    """That ran to their end, before another is pruned."""
    pruning_epochs: Positive
    """That a trial takes at least before it is pruned."""
    spaces: dict[str, dict[str, Space]]
    """By family, then by parameter of its section; a dot leads into a nested one."""


class GateParams(Section):
    """What a challenger must reach."""

    min_events: Positive
    """Fewer in the window decide nothing."""
    min_users: Positive
    margin: Share
    """Share of the champion's headline metric that may be lost."""
    pooled_refreshes: Positive
    """Refreshes of one recipe that are judged together, the newest included."""
    windows: Positive
    """Consecutive parts of the test window that are told."""
    min_slice_events: Positive
    """Fewer in a slice decide nothing about it."""
    min_slice_users: Positive
    slice_error: Share
    """Chance that any slice is called worse though none is, over all slices together."""
    max_share_of_best: Share
    """Of what an oracle that knows every page would reach; above is too good to be true."""
    max_gain: Annotated[float, Field(gt=1)]
    """Headline metric in multiples of the best other family's; above is too good to be true."""
    max_auc: Share
    """Of a single feature or score; above is too good to be true."""
    max_clock_auc: Share
    """Share of items that score higher at the moment of their choice, by the moment alone."""
    max_foresight: Share
    """Partial correlation of scores with popularity to come, given popularity so far."""
    max_same_slate: Share
    """Share of users who may be shown one and the same slate."""
    min_auc: Share
    """Of binary tasks; an interval that includes it decides nothing."""
    max_calibration_error: Share
    max_task_loss: Share
    """Share by which a task's loss may exceed the champion's."""
    min_coverage: Share
    """Share of the catalogue."""
    min_coverage_kept: Share
    """Share of the coverage of the champion, else of the best baseline."""
    max_unread: Share
    """Share of learnt interactions whose item changes nothing when it is a history."""
    min_overlap: Share
    """Share of a judged slate that the refitted model shows too."""
    max_megabytes: Positive
    max_latency_ms: PositiveFloat
    """99th percentile of a request, at the slowest length of a history."""
    max_slowdown: Annotated[float, Field(gt=1)]
    """In multiples of another model of the same family, on the same machine."""
    max_memory_growth_mb: Positive
    """Of 10,000 requests."""


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
    blends: Annotated[list[Blend], Field(max_length=1)]
    ingest: IngestParams
    validate_: ValidateParams = Field(alias="validate")
    split: SplitParams
    history: HistoryParams
    fit: FitParams
    popularity: PopularityParams
    cf: CfParams
    content: ContentParams
    neighbours: NeighboursParams
    als: AlsParams
    sequence: SequenceParams
    multitask: MultitaskParams
    blend: BlendParams
    evaluate: EvaluateParams
    tune: TuneParams
    gate: GateParams
    state: StateParams
    up: UpParams
    deploy: DeployParams
    demo: DemoParams

    @field_validator("blend")
    @classmethod
    def _sources_are_families(cls, blend: BlendParams, before: ValidationInfo) -> BlendParams:
        families, blends = before.data.get("families"), before.data.get("blends")
        absent = [name for name in blend.sources if families and name not in families]
        if blends and absent:
            raise ValueError(
                f"families lacks {', '.join(absent)} of blend.sources: add it, or set blends to []"
            )
        return blend

    @property
    def contenders(self) -> list[str]:
        """All that may win: the families, then the blends of them."""
        return [*self.families, *self.blends]

    @classmethod
    def load(cls, path: Path = Path("params.yaml"), overrides: Sequence[str] = ()) -> "Params":
        """The file's parameters, with `key=value` overrides such as `cf.l2=100.0`.

        Raises:
            BadParameter: The file is not YAML, a key is unknown or a value is not allowed.
        """
        content = read_yaml(path)
        for setting in overrides:
            override(content, setting)
        try:
            return cls.model_validate(content)
        except ValidationError as error:
            raise refused(error, str(path), cls) from error
