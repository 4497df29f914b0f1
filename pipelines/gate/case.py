"""All that the checks look at: one record, gathered before the first check runs."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.contracts.model import (
    BASELINES,
    Check,
    Difference,
    Estimates,
    Kind,
    PairedGains,
    Winner,
)
from pipelines.gate.behaviours import Observation
from pipelines.gate.load import Load
from pipelines.gate.outcome import DIGITS, not_applicable
from pipelines.gate.probe import Probe
from pipelines.measures.protocols import Answers
from pipelines.measures.scores import Window
from pipelines.models.artifact import Manifest
from pipelines.models.examples import Ints, PreparedData
from pipelines.models.inspection.graph import Graph
from pipelines.params import GateParams

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Subject:
    """An artifact under judgement, and what it answered; None where it was not asked."""

    name: str
    """`judged` or `refit`."""
    folder: Path
    digest: str
    n_bytes: int
    """Of all its files."""
    refused: Mapping[str, str] = field(default_factory=dict)
    """Why, by the check that says so: `digest`, `ops_allowed`, `signature`, `golden`."""
    stopped: str | None = None
    """The check after which it was asked nothing more."""
    manifest: Manifest | None = None
    graph: Graph | None = None
    probe: Probe | None = None
    load: Load | None = None
    answers: Answers | None = None
    observations: Sequence[Observation] = ()

    def refused_by(self, check: str, reason: str) -> "Subject":
        """The same, with a check that says no."""
        return replace(self, refused={**self.refused, check: reason})

    def stopped_by(self, check: str, reason: str) -> "Subject":
        """The same, with a check that says no so that nothing more is asked."""
        return replace(self.refused_by(check, reason), stopped=check)

    def not_asked(self, check: str) -> Check:
        """What a check says of an artifact that another check has stopped."""
        reason = f"it was not asked: see {self.stopped}:{self.name}"
        return not_applicable(check, reason)


@dataclass(frozen=True)
class Rival:
    """A champion's model on the test window."""

    role: str
    """Which of its models: `judged in its recipe run` or `as served`."""
    answers: Answers
    heads: Sequence[str]
    """Its binary and regression tasks, in the order of its predictions."""
    fit_until: int
    """The last instant that it learnt from, microseconds."""

    @property
    def ranks(self) -> Ints:
        """[interactions] places in its slates."""
        return self.answers.ranks


@dataclass(frozen=True)
class Opponent:
    """The champion: what the challenger must not be worse than."""

    version: str
    decides: Rival | None
    """A recipe is compared with the judged model, a refresh with the served one."""
    served: Rival | None
    """Reported on what it has not seen."""
    fault: str | None
    """Why its artifacts cannot be had."""
    former: Sequence[PairedGains] = ()
    """What earlier refreshes of the recipe gained, the newest first."""


@dataclass(frozen=True)
class Accepted:
    """Facts about the data that were accepted, for what a model may have learnt from."""

    versions: Sequence[str]
    """Data versions of the accepted partitions."""
    foreign_rows: int | None
    """Prepared interactions that are in no accepted partition; None: there is no such data here."""
    n_rows: int


@dataclass(frozen=True)
class Case:
    """Everything the checks may look at."""

    kind: Kind
    params: GateParams
    data: PreparedData
    window: Window
    prepared_digest: str
    judged: Subject
    refit: Subject | None
    """None when somebody's artifact is judged by itself."""
    winner: Winner | None
    """As above."""
    ranks: Mapping[str, Ints]
    """By family, from `evaluate`; the judged one's are its own answers."""
    opponent: Opponent | None
    accepted: Accepted
    estimates: Mapping[str, Estimates]
    """By family, what `evaluate` measured on the test window; `live`."""

    @property
    def family(self) -> str:
        """The judged family, as its manifest says."""
        return self.judged.manifest.family if self.judged.manifest else "unknown"

    @property
    def has_evidence(self) -> bool:
        """Whether the window has the events and users that a comparison needs."""
        enough_events = len(self.window.rows) >= self.params.min_events
        return enough_events and self.window.bootstrap.n_users >= self.params.min_users

    def has_seen_window(self, rival: Rival) -> bool:
        """Whether a champion learnt from events that it is asked about."""
        return rival.fit_until >= self.data.prepared.test_cut

    @cached_property
    def gains(self) -> Doubles | None:
        """[interactions] what each adds to the judged model's headline metric."""
        answers = self.judged.answers
        return None if answers is None else self.window.gains(answers.ranks)

    @cached_property
    def others(self) -> dict[str, Doubles]:
        """Gains of the other families; of all where the name is only what a manifest claims."""
        return {
            family: self.window.gains(ranks)
            for family, ranks in self.ranks.items()
            if self.winner is None or family != self.family
        }

    @cached_property
    def best_baseline(self) -> str | None:
        """The best of the other families that are baselines."""
        rivals = {family: gains for family, gains in self.others.items() if family in BASELINES}
        return max(rivals, key=lambda family: float(rivals[family].mean()), default=None)

    @cached_property
    def pairs(self) -> PairedGains | None:
        """What a refresh and its champion gained on this window, by user; for later refreshes."""
        champion = self.opponent.decides if self.opponent else None
        if self.kind != "refresh" or champion is None or self.has_seen_window(champion):
            return None
        answers = self.judged.answers
        return None if answers is None else paired_gains(self.window, answers.ranks, champion.ranks)

    def difference(
        self, gains: Doubles, others: Doubles, inside: Bools | None = None
    ) -> Difference:
        """The paired difference of the headline metric, over all interactions or some."""
        if inside is None:
            return self.window.bootstrap.difference(gains, others)
        resamples = self.window.resamples(self.window.users[inside])
        return resamples.difference(gains[inside], others[inside])


def paired_gains(window: Window, ours: Ints, theirs: Ints) -> PairedGains:
    """Two models' gains by user, sorted by the figures, so that the order names nobody."""
    _, codes, counts = np.unique(window.users, return_inverse=True, return_counts=True)
    sums = [np.bincount(codes, window.gains(ranks)).round(DIGITS) for ranks in (ours, theirs)]
    rows = sorted(zip(counts.tolist(), *(part.tolist() for part in sums), strict=True))
    return PairedGains(
        n_events=[row[0] for row in rows],
        ours=[row[1] for row in rows],
        theirs=[row[2] for row in rows],
    )


def judged_on_evidence(case: Case, check: Check) -> Check:
    """A failed check is undecided where the window is so small that it may be luck."""
    if check.verdict != "fail" or case.has_evidence:
        return check
    reason = f"{check.reason}; the window is small"
    return check.model_copy(update={"verdict": "undecided", "reason": reason})
