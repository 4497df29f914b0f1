"""The other side of the gate: how often it says no, or "better", of models that are as good.

Two trials. *Retrains*: the winner's recipe fitted anew with other seeds, each judged against the
honest winner as champion. *A/A pairs*: half of the users at random, and for each of them a coin
says which of two retrains speaks for the challenger and which for the champion. So both sides are
equally good by construction, and differ, user by user, as two honest fits do.
"""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, cycle, islice
from pathlib import Path
from typing import Any

import numpy as np
from scipy.stats import beta

from pipelines.contracts.model import Kind, Winner
from pipelines.gate.case import Accepted, Case, Opponent, Rival, Subject
from pipelines.gate.checks import champion, slices, tasks
from pipelines.gate.verdict import decide
from pipelines.measures.protocols import Answers, Questions, live
from pipelines.measures.scores import Window
from pipelines.models import artifact
from pipelines.models.artifact import Manifest
from pipelines.models.examples import PreparedData
from pipelines.models.family import fit
from pipelines.params import Params

PAIRS = 400
CONFIDENCE = 0.95
GOAL = 0.08
"""The upper bound of either share must not exceed it."""
CHAMPION = "recommender@v1.0.0"
KINDS: tuple[Kind, ...] = ("recipe", "refresh")


@dataclass(frozen=True)
class Honest:
    """An honest model, and what it answered to the test window."""

    manifest: Manifest
    answers: Answers


@dataclass(frozen=True)
class Trial:
    """What two sides of a comparison are asked about, and by which rules they are judged."""

    data: PreparedData
    params: Params
    winner: Winner

    @property
    def window(self) -> Window:
        """The test window."""
        return Window.of(self.data, self.data.window("test"), self.params)


def retrained(trial: Trial, seed: int, epochs: int, folder: Path) -> Honest:
    """The winner's recipe with another seed; what was fitted by an earlier run is taken over."""
    if not (folder / artifact.MANIFEST).is_file():
        recipe = {**trial.params.model_dump(by_alias=True), **trial.winner.params}
        params = Params.model_validate({**recipe, "fit": {**recipe["fit"], "seed": seed}})
        until = trial.data.prepared.fit_cut
        fitted = fit(
            trial.winner.family,
            trial.data,
            params,
            until=until,
            epochs=epochs,
            calibration=trial.winner.calibration,
        )
        artifact.write(folder, fitted, trial.data, params, trial.data.last_instant(until))
    return asked(trial, folder)


def asked(trial: Trial, folder: Path) -> Honest:
    """A written model and its answers."""
    model, window = artifact.open_artifact(folder), trial.window
    questions = Questions(trial.data, window.rows, window.k, trial.params.evaluate.batch)
    return Honest(model.manifest, live(model, questions, folder.name))


def of_retrains(trial: Trial, original: Honest, others: Sequence[Honest]) -> dict[str, Any]:
    """Each retrain against the original, as either kind of run."""
    return _by_kind([_case(trial, other, original, trial.window) for other in others])


def of_pairs(trial: Trial, models: Sequence[Honest], count: int) -> dict[str, Any]:
    """A/A pairs, as either kind of run."""
    return _by_kind(_pairs(trial, models, count))


def upper_bound(hits: int, trials: int) -> float:
    """The one-sided 95 % upper bound of a share (Clopper and Pearson, 1934)."""
    if hits == trials:
        return 1.0
    return round(float(beta.ppf(CONFIDENCE, hits + 1, trials - hits)), 4)


@dataclass(frozen=True)
class Told:
    """What a comparison came to."""

    decision: str
    failed: list[str]
    is_better: bool
    """Whether it ships, with the whole interval above 0."""


def _by_kind(cases: Iterable[Case]) -> dict[str, Any]:
    told = [_told(case) for case in cases]
    return {kind: _shares([one[kind] for one in told]) for kind in KINDS}


def _told(case: Case) -> dict[Kind, Told]:
    """By the gate's own comparisons: champion, slices, tasks."""
    rival = case.opponent.decides if case.opponent else None
    if case.gains is None or rival is None:
        raise ValueError("a case without two sides")
    is_above = case.difference(case.gains, case.window.gains(rival.ranks)).low > 0
    either = [*slices.checks(case), *tasks.checks(case)]
    told: dict[Kind, Told] = {}
    for kind in KINDS:
        found = [champion.non_inferior(replace(case, kind=kind)), *either]
        decision, _ = decide(found, kind)
        failed = [check.name for check in found if check.verdict == "fail"]
        told[kind] = Told(decision, failed, decision == "ship" and is_above)
    return told


def _shares(told: Sequence[Told]) -> dict[str, Any]:
    refused = sum(one.decision == "reject" for one in told)
    held = sum(one.decision == "hold" for one in told)
    better = sum(one.is_better for one in told)
    return {
        "n": len(told),
        "refused": refused,
        "refused_share": round(refused / len(told), 4),
        "refused_upper": upper_bound(refused, len(told)),
        "refused_by": dict(Counter(name for one in told for name in one.failed)),
        "held": held,
        "better": better,
        "better_share": round(better / len(told), 4),
        "better_upper": upper_bound(better, len(told)),
    }


def _pairs(trial: Trial, models: Sequence[Honest], count: int) -> Iterator[Case]:
    draws, whole = np.random.default_rng(trial.params.fit.seed), trial.window
    users = np.unique(whole.users)
    for one, other in islice(cycle(combinations(models, 2)), count):
        half = draws.choice(users, len(users) // 2, replace=False)
        inside = np.isin(whole.users, half)
        swapped = np.isin(whole.users, draws.choice(users, len(users) // 2, replace=False))
        ours = _mixed(one, other, swapped, inside)
        theirs = _mixed(other, one, swapped, inside)
        yield _case(trial, ours, theirs, replace(whole, rows=whole.rows[inside]))


def _mixed(one: Honest, other: Honest, swapped: Any, inside: Any) -> Honest:
    """One model's answers, the other's where they are swapped; only those that are inside."""
    ranks = np.where(swapped, other.answers.ranks, one.answers.ranks)
    predictions = np.where(swapped[:, None], other.answers.predictions, one.answers.predictions)
    answers = replace(
        one.answers,
        rows=one.answers.rows[inside],
        ranks=ranks[inside],
        predictions=predictions[inside],
    )
    return Honest(one.manifest, answers)


def _case(trial: Trial, ours: Honest, theirs: Honest, window: Window) -> Case:
    rival = Rival("judged", theirs.answers, theirs.manifest.heads, theirs.manifest.fit_until)
    subject = Subject("judged", Path(), "", 0, manifest=ours.manifest, answers=ours.answers)
    return Case(
        kind=trial.winner.kind,
        params=trial.params.gate,
        data=trial.data,
        window=window,
        prepared_digest="",
        judged=subject,
        refit=None,
        winner=trial.winner,
        ranks={},
        opponent=Opponent(CHAMPION, rival, rival, None),
        accepted=Accepted((), None, 0),
        estimates={},
    )
