"""All that the checks look at: one record, gathered before the first check runs."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt

from pipelines.contracts.model import Check, Difference, Kind, Winner
from pipelines.gate.probe import Probe
from pipelines.measures.protocols import Answers
from pipelines.measures.scores import Window
from pipelines.models.artifact import Manifest
from pipelines.models.examples import Ints, PreparedData
from pipelines.params import GateParams

Doubles = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Subject:
    """An artifact under judgement, and what it answered; None where it could not be asked."""

    name: str
    """`judged` or `refit`."""
    folder: Path
    digest: str
    broken: str | None
    """Why its files are not those of its manifest."""
    replayed: str | None
    """Why a fresh process cannot load it or answers golden requests otherwise."""
    fault: str | None
    """Why it could not be asked."""
    manifest: Manifest | None = None
    probe: Probe | None = None
    answers: Answers | None = None


@dataclass(frozen=True)
class Rival:
    """A champion's model on the test window."""

    role: str
    """Which of its models: `judged in its recipe run` or `as served`."""
    ranks: Ints
    fit_until: int
    """The last instant that it learnt from, microseconds."""


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

    def difference(
        self, gains: Doubles, others: Doubles, inside: Bools | None = None
    ) -> Difference:
        """The paired difference of the headline metric, over all interactions or some."""
        if inside is None:
            return self.window.bootstrap.difference(gains, others)
        resamples = self.window.resamples(self.window.users[inside])
        return resamples.difference(gains[inside], others[inside])


def judged_on_evidence(case: Case, check: Check) -> Check:
    """A failed check is undecided where the window is so small that it may be luck."""
    if check.verdict != "fail" or case.has_evidence:
        return check
    reason = f"{check.reason}; the window is small"
    return check.model_copy(update={"verdict": "undecided", "reason": reason})
