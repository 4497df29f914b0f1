"""The search: one trial after the other, each family in its turn, until the budget is used."""

import hashlib
import json
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pipelines import storage
from pipelines.contracts.tune import Outcome, Setting
from pipelines.errors import PresentFails
from pipelines.progress import log
from pipelines.tune.edits import edited, yaml_text
from pipelines.tune.experiments import Experiments
from pipelines.tune.judging import best_of
from pipelines.tune.processes import Stopped, TrialError, command, run_trial
from pipelines.tune.studies import Attempt, Study
from pipelines.tune.trial import ARTIFACT, ERROR, OUTCOME, PARAMS
from pipelines.tune.turns import Share, next_share


@dataclass(frozen=True)
class Bench:
    """What all trials share."""

    folder: Path
    """Scratch, with the prepared tables."""
    logs: Path
    text: str
    """Of params.yaml, with the overrides of the command line."""
    metric: str
    experiments: Experiments


@dataclass(frozen=True)
class Lane:
    """A family's study and its share of the budget."""

    study: Study
    share: Share

    @property
    def family(self) -> str:
        """Whose it is."""
        return self.share.family


def search(bench: Bench, lanes: Sequence[Lane], seconds: float) -> bool:
    """Tries settings for that long; whether it was interrupted. What has ended is kept.

    Raises:
        PresentFails: A family's present setting cannot be fitted or scored.
    """
    deadline = time.monotonic() + seconds
    by_family = {lane.family: lane for lane in lanes}
    shares = [lane.share for lane in lanes]
    try:
        while share := next_share(shares, deadline - time.monotonic()):
            _try_one(bench, by_family[share.family], deadline)
    except KeyboardInterrupt:
        return True
    return False


def _try_one(bench: Bench, lane: Lane, deadline: float) -> None:
    attempt, start = lane.study.next(), time.monotonic()
    is_present = attempt.setting == lane.study.space.present
    text = _lay_out(bench, lane.family, attempt.setting)

    def is_hopeless(epoch: int, value: float) -> bool:
        # the others are compared with the present setting: it runs to its end
        return attempt.is_hopeless(epoch, value) and not is_present

    logs = bench.logs / f"tune-{lane.family}.log"
    ended: Outcome | Stopped | Literal["failed"]
    try:
        ended = run_trial(command(lane.family, bench.folder), logs, deadline - start, is_hopeless)
    except KeyboardInterrupt:
        attempt.give_up(lane.study.space)
        raise
    except TrialError as error:
        attempt.fail(str(error), time.monotonic() - start)
        if is_present:
            raise PresentFails(
                f"{lane.family} fails with its present setting: {error}",
                where=[str(logs)],
                hint=f"run `tandem train --family {lane.family}`",
            ) from error
        ended = "failed"
    seconds = time.monotonic() - start
    lane.share.charge(seconds, is_whole=isinstance(ended, Outcome))
    if isinstance(ended, Outcome):
        name = _save_experiment(bench, lane, attempt, text, ended)
        attempt.complete(ended, bench.metric, seconds, name)
    elif ended == "hopeless":
        attempt.prune(seconds)
    elif ended == "late":
        attempt.give_up(lane.study.space)
    _tell(bench.metric, lane, attempt, ended, (seconds, deadline - time.monotonic()))


def _lay_out(bench: Bench, family: str, setting: Setting) -> str:
    """The scratch folder with nothing of the trial before; its params.yaml."""
    shutil.rmtree(bench.folder / ARTIFACT, ignore_errors=True)
    for name in (OUTCOME, ERROR):
        (bench.folder / name).unlink(missing_ok=True)
    values = {f"{family}.{name}": yaml_text(value) for name, value in setting.items()}
    text = edited(bench.text, values)
    storage.write_atomic(bench.folder / PARAMS, text.encode())
    return text


def _save_experiment(
    bench: Bench, lane: Lane, attempt: Attempt, text: str, outcome: Outcome
) -> str | None:
    """Under a name by setting, so that a trial that must be repeated takes its own place."""
    facts = json.dumps([lane.study.name, attempt.setting], sort_keys=True)
    name = f"{lane.study.name}-{hashlib.sha256(facts.encode()).hexdigest()[:6]}"
    metrics = {"family": lane.family, "trial": attempt.number, "validation": outcome.metrics}
    return bench.experiments.save(name, text.encode(), metrics)


def _tell(
    metric: str,
    lane: Lane,
    attempt: Attempt,
    ended: Outcome | str,
    seconds: tuple[float, float],
) -> None:
    took, left = seconds
    what = f"{metric} {ended.metrics[metric]:.4f}" if isinstance(ended, Outcome) else ended
    best = best_of(lane.study.trials)
    known = f"; best {best.value:.4f}, trial {best.number}" if best and best.value else ""
    log(
        f"{lane.family}, trial {attempt.number}: {what} in {took:.0f} s{known}; "
        f"{max(0.0, left):.0f} s left"
    )
