"""What `tune` leaves: every trial, and what the best setting is worth beside the present one."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field

from pipelines.contracts.model import Difference, UserGains
from pipelines.contracts.record import Record

TrialState = Literal["complete", "pruned", "failed"]
Value = bool | int | float | str
Setting = dict[str, Value]
"""Values by parameter, named below the family's section: `l2`, `kind_weights.text`."""

TUNE = Path("reports/tune.json")
TUNE_PAGE = Path("reports/tune.html")


class Outcome(Record):
    """What a trial that ran to its end has measured on the validation window."""

    metrics: dict[str, float]
    """By metric, such as `ndcg_at_10`."""
    users: UserGains


class Trial(Record):
    """One setting that was tried."""

    number: int
    """In the study, from 0; the first is the setting that was present then."""
    setting: Setting
    state: TrialState
    value: float | None
    """The headline metric through the written artifact; null unless complete."""
    metrics: dict[str, float]
    """All metrics; empty unless complete."""
    by_epoch: dict[int, float]
    """The headline metric of the model in memory, of families that learn by epochs."""
    seconds: float | None
    reason: str | None
    """Why it failed."""
    experiment: str | None
    """Its name in `dvc exp show`."""


class Judgement(Record):
    """The best setting against the present one, on the users of the validation window."""

    difference: Difference
    """Best minus present; flattering, since the best was chosen on the same users."""
    corrected: float
    """The same, with choice and judgement on different users."""
    improves: bool
    """Whether the interval and the corrected difference are both above 0."""


class Search(Record):
    """One family's study."""

    family: str
    study: str
    """Its name: another data, code, space or fixed parameter is another study."""
    code_digest: str
    space: dict[str, dict[str, Any]]
    trials: list[Trial]
    present: int | None
    """The number of the trial with the present setting; null if it did not end in time."""
    best: int | None
    judgement: Judgement | None
    importance: dict[str, float]
    """Share of the variation between good and other trials that each parameter explains."""
    objectives: dict[str, Literal["maximise", "minimise"]]
    front: list[int]
    """Trials that no other beats in one objective and equals in the rest."""
    verdict: str
    """One sentence."""
    is_written: bool
    """Whether this run put the best setting into params.yaml."""


class TuneReport(Record):
    """`reports/tune.json`."""

    schema_: Literal[1] = Field(1, alias="schema")
    dataset: str
    data_version: str
    data_digest: str
    """Of the prepared tables without their test window."""
    metric: str
    seed: int
    budget_minutes: float
    is_interrupted: bool
    searches: list[Search]


class Found(Record):
    """One family, in short."""

    family: str
    study: str
    complete: int
    pruned: int
    failed: int
    present: float | None
    best: float | None
    improves: bool
    verdict: str


class Tuned(Record):
    """What `tune` reports."""

    report: str
    page: str
    families: list[Found]
    write_with: str | None
    """The command that puts what improves into params.yaml; null if that is done or nothing is."""
