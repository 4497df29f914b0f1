"""What prepare, train, evaluate, refit and gate exchange, and the two files that a run writes."""

from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from pipelines.contracts.record import Record
from pipelines.descriptors import FeatureKind, Task
from pipelines.yaml_records import read_yaml, refused

Kind = Literal["recipe", "refresh"]
CheckVerdict = Literal["pass", "fail", "undecided", "not_applicable"]
Decision = Literal["ship", "hold", "reject"]

POPULARITY = "popularity"
BASELINES = (POPULARITY, "cf", "content", "neighbours", "als", "sequence")
"""Families that a challenger must beat, as far as they are trained."""

RUN_FILE = Path("run.yaml")
CHAMPION_FILE = Path("champion.json")
PREPARED = Path("data/prepared")
MEASURED = Path("data/measured")
"""Per-event results of `evaluate`, one table per family."""
ARTIFACTS = Path("artifacts")
REFIT = ARTIFACTS / "refit"
TRAIN_REPORTS = Path("reports/train")
WINNER = Path("reports/winner.json")
METRICS = Path("reports/metrics.json")
REPORT = Path("reports/report.html")
GATE = Path("reports/gate.json")


class RunFile(Record):
    """`run.yaml`: the kind of run, and what a refresh takes over from the recipe run."""

    kind: Kind
    family: str | None = None
    """The champion's family, for a refresh."""
    epochs: dict[str, int] | None = None
    """By family."""
    calibration: dict[str, dict[str, Any]] | None = None
    """By family."""
    recipe_commit: str | None = None

    @classmethod
    def load(cls, path: Path = RUN_FILE) -> "RunFile":
        """The file, below cwd.

        Raises:
            BadParameter: It is missing, or says something that we do not know.
        """
        try:
            return cls.model_validate(read_yaml(path))
        except ValidationError as error:
            raise refused(error, str(path), cls) from error


class Recipe(Record):
    """The recipe run of a champion: where its judged model is."""

    commit: str
    digest: str
    """Of the judged artifact."""


class Champion(Record):
    """`champion.json`: what is live; `version` is null before the first release."""

    version: str | None
    model_digest: str | None = None
    """Of the served artifact, `artifacts/refit` of `commit`."""
    commit: str | None = None
    recipe: Recipe | None = None


class Counts(Record):
    """Sizes of the prepared tables."""

    users: int
    items: int
    train: int
    validation: int
    test: int


class Prepared(Record):
    """`prepared.json`: what the prepared tables hold, and where time is cut."""

    schema_: Literal[1] = Field(1, alias="schema")
    kind: Kind
    dataset: str
    data_version: str
    """The newest accepted data, such as `data/1998-03-09`."""
    validation_cut: int | None
    """Microseconds; null for a refresh, which has no validation window."""
    test_cut: int
    """Microseconds; the test window starts here."""
    newest_event: int
    """Microseconds."""
    tasks: list[Task]
    heads: list[str]
    """The binary and regression tasks, in the descriptor's order."""
    profile_fields: dict[str, FeatureKind]
    """Kind by name, in the order of the signatures' `profile`."""
    item_features: dict[str, FeatureKind]
    repeats: bool = False
    """Items may be chosen again: what a user has seen still competes."""
    counts: Counts

    @property
    def fit_cut(self) -> int:
        """Judged models learn from what happened before this instant, microseconds."""
        return self.test_cut if self.validation_cut is None else self.validation_cut


class Estimate(Record):
    """A measured figure with its 95 % interval by user bootstrap."""

    value: float
    low: float | None
    """Null where resampled users give no interval: coverage, Gini."""
    high: float | None
    n_events: int
    n_users: int


class Difference(Record):
    """A paired difference, A minus B, with its 95 % interval by user bootstrap."""

    difference: float
    low: float
    high: float
    n_users: int


Estimates = dict[str, Estimate]
"""By metric, such as `ndcg_at_10`."""


class UserGains(Record):
    """The headline metric on validation by user, in the table's order; it holds no ids."""

    n_events: list[int]
    gains: list[float]
    """Sums over the user's events."""


class TrainReport(Record):
    """`reports/train/FAMILY.json`."""

    schema_: Literal[1] = Field(1, alias="schema")
    family: str
    validation: Estimates | None
    """`live` on the validation window; null for a refresh."""
    validation_users: UserGains | None = None
    """What pairs of families are compared by."""
    epochs: int
    calibration: dict[str, Any]
    learning_curve: list[dict[str, float]]
    params: dict[str, Any]
    """The sections of params.yaml that the fit read."""
    code_digest: str
    artifact_digest: str
    fit_until: int
    """The last instant that the model learnt from, microseconds."""


class Trained(Record):
    """What `train` reports."""

    family: str
    artifact: str
    artifact_digest: str
    report: str
    epochs: int
    ndcg: float | None


class Winner(Record):
    """`reports/winner.json`: the recipe that the gate judges, named before the test window is read.

    It is complete: `refit` needs nothing else to fit the same recipe on more data.
    """

    schema_: Literal[1] = Field(1, alias="schema")
    kind: Kind
    family: str
    params: dict[str, Any]
    epochs: int
    calibration: dict[str, Any]
    code_digest: str
    artifact_digest: str
    """Of the judged model, `artifacts/FAMILY`."""
    fit_until: int
    """The last instant that the judged model learnt from, microseconds."""
    prepared_digest: str
    """Of `data/prepared`, as it was judged."""
    chosen_by: str
    scores: dict[str, float]
    """By family, what it was chosen from; empty for a refresh."""


class Metrics(Record):
    """`reports/metrics.json`, see DESIGN: protocol → family → metric, and pairs of families."""

    schema_: Literal[1] = Field(1, alias="schema")
    cut: str
    """RFC 3339; the test window starts here."""
    test: dict[str, dict[str, Estimates]]
    paired: dict[str, dict[str, dict[str, Difference]]]
    """By protocol and "A-B"."""
    slices: dict[str, dict[str, dict[str, Estimates]]]
    """By protocol, family and slice."""


class Evaluated(Record):
    """What `evaluate` reports."""

    winner: str
    ndcg: dict[str, float]
    """On the test window, by family."""
    metrics: str
    report: str


class Refitted(Record):
    """What `refit` reports."""

    family: str
    artifact: str
    artifact_digest: str
    fit_until: str


class FamilyAtOrigin(Record):
    """How a family that learnt up to a cut did on the window after it."""

    cut: str
    """RFC 3339."""
    family: str
    ndcg: float
    n_events: int
    n_users: int


class PairOfFamilies(Difference):
    """A paired difference over all origins together."""

    pair: str
    """"A-B": A minus B."""


class Compared(Record):
    """What `compare` reports."""

    metric: str
    origins: list[FamilyAtOrigin]
    pairs: list[PairOfFamilies]


class PairedGains(Record):
    """What two models gained on one window, user by user; it holds no ids.

    Enough to pool windows: each one's users count as other users, because nothing here says who
    came back.
    """

    n_events: list[int]
    ours: list[float]
    """Sums of the headline metric over the user's events."""
    theirs: list[float]


class Check(Record):
    """One check of the gate."""

    name: str
    value: int | float | str | None
    threshold: int | float | str | None
    verdict: CheckVerdict
    reason: str


class Verdict(Record):
    """`reports/gate.json`."""

    schema_: Literal[1] = Field(1, alias="schema")
    verdict: Decision
    kind: Kind
    reason: str
    """One sentence: the checks that decided."""
    winner: str
    champion: str | None
    data_version: str
    checks: list[Check]
    gains: PairedGains | None = None
    """Of a refresh: what later ones pool with theirs."""
