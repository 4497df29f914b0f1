"""Studies that outlive the process: Optuna's storage, what a killed run left, the next setting.

One process at a time works on a home's studies, so a trial that is still running when a run starts
belongs to a dead one. It is voided and its setting waits to be tried again: none is lost, and none
counts twice.
"""

import hashlib
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import optuna
from optuna.trial import FrozenTrial, TrialState
from sqlalchemy.exc import DatabaseError

from pipelines import storage
from pipelines.contracts.model import UserGains
from pipelines.contracts.tune import Outcome, Setting, Trial
from pipelines.errors import BadRecord
from pipelines.params import TuneParams
from pipelines.tune.spaces import SearchSpace

VOID, INSTEAD = "void", "instead_of"
SETTING, SECONDS, METRICS, USERS, REASON = "setting", "seconds", "metrics", "users", "reason"
EXPERIMENT = "experiment"
BUSY_SECONDS = 60
"""That long SQLite waits for another process, which may be reading."""
TRIED = (TrialState.WAITING, TrialState.COMPLETE)
ENDED = {TrialState.COMPLETE: "complete", TrialState.PRUNED: "pruned", TrialState.FAIL: "failed"}


class Study:
    """One family's search on one state of data and code.

    Args:
        file: The SQLite file of all studies.
        name: The study's.
        space: What is searched; its present setting is tried first.
        params: How.
        seed: Of the draws: each depends on it and on what was tried before, not on kills.

    Raises:
        BadRecord: The file is not one of Optuna's.
    """

    def __init__(
        self, file: Path, name: str, space: SearchSpace, params: TuneParams, seed: int
    ) -> None:
        self.name, self.space, self._params, self._seed = name, space, params, seed
        self._study = _opened(file, name)
        self._study.pruner = optuna.pruners.MedianPruner(
            n_startup_trials=params.pruning_trials, n_warmup_steps=params.pruning_epochs
        )
        self._recover()
        if not any(_setting(trial) == space.present for trial in self._valid(*TRIED)):
            self._wait_for(space.present, {})

    def next(self) -> "Attempt":
        """A setting to try: one that waits, else one that the sampler draws."""
        self._study.sampler = self._sampler()
        trial = self._study.ask(fixed_distributions=self.space.distributions)
        setting = self.space.setting(trial.params)
        trial.set_user_attr(SETTING, setting)
        return Attempt(self._study, trial, setting)

    @property
    def trials(self) -> list[Trial]:
        """All that ended by themselves: complete, pruned or failed."""
        return [_record(trial) for trial in self._valid(*ENDED)]

    @property
    def gains(self) -> dict[int, UserGains]:
        """Of complete trials by number: the headline metric by user."""
        return {
            trial.number: UserGains.model_validate(trial.user_attrs[USERS])
            for trial in self._valid(TrialState.COMPLETE)
        }

    @property
    def quickest(self) -> float | None:
        """Seconds of the quickest complete trial; None = there is none."""
        whole = [t.seconds for t in self.trials if t.state == "complete" and t.seconds]
        return min(whole, default=None)

    def importance(self) -> dict[str, float]:
        """Share of what tells the best tenth of trials from the rest, by parameter.

        PED-ANOVA (Watanabe, Bansal and Hutter, IJCAI 2023); empty with fewer than two trials.
        """
        complete = self._valid(TrialState.COMPLETE)
        if len(complete) < 2 or len({trial.value for trial in complete}) < 2:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            shares = optuna.importance.get_param_importances(self._study)
        return {name: round(float(share), 4) for name, share in shares.items()}

    def _valid(self, *states: TrialState) -> list[FrozenTrial]:
        void = set(self._study.user_attrs.get(VOID, []))
        trials = self._study.get_trials(deepcopy=False, states=states or None)
        return [trial for trial in trials if trial.number not in void]

    def _sampler(self) -> optuna.samplers.TPESampler:
        asked = [t for t in self._valid() if t.state is not TrialState.WAITING]
        text = f"{self.space.family} {self._seed} {len(asked)}"
        digest = hashlib.sha256(text.encode()).digest()
        return optuna.samplers.TPESampler(
            seed=int.from_bytes(digest[:4]), n_startup_trials=self._params.random_trials
        )

    def _recover(self) -> None:
        """In an order in which a kill between two steps is made good by the next run."""
        replaced = {t.user_attrs.get(INSTEAD) for t in self._study.get_trials(deepcopy=False)}
        for trial in self._study.get_trials(deepcopy=False, states=(TrialState.RUNNING,)):
            if trial.number not in replaced and trial.params.keys() == self.space.spaces.keys():
                self._wait_for(trial.params, {INSTEAD: trial.number})
            _void(self._study, trial.number)

    def _wait_for(self, drawn: Mapping[str, Any], attributes: dict[str, Any]) -> None:
        fixed = {SETTING: self.space.setting(drawn), **attributes}
        self._study.enqueue_trial(dict(drawn), user_attrs=fixed)


class Attempt:
    """A trial that runs. Ends by exactly one of `complete`, `prune`, `fail` and `give_up`."""

    def __init__(self, study: optuna.Study, trial: optuna.Trial, setting: Setting) -> None:
        self.setting, self.number = setting, trial.number
        self._study, self._trial = study, trial

    def is_hopeless(self, epoch: int, value: float) -> bool:
        """Takes an epoch's score down; whether it is worse than half of the others' were."""
        self._trial.report(value, epoch)
        return bool(self._trial.should_prune())

    def complete(
        self, outcome: Outcome, metric: str, seconds: float, experiment: str | None
    ) -> None:
        """It ran to its end.

        Args:
            outcome: What it measured.
            metric: Which of that is maximised.
            seconds: It took that long.
            experiment: Under which name DVC shows it.
        """
        self._trial.set_user_attr(EXPERIMENT, experiment)
        self._trial.set_user_attr(METRICS, outcome.metrics)
        self._trial.set_user_attr(USERS, outcome.users.model_dump())
        self._end(TrialState.COMPLETE, seconds, outcome.metrics[metric])

    def prune(self, seconds: float) -> None:
        """It was ended as hopeless."""
        self._end(TrialState.PRUNED, seconds)

    def fail(self, reason: str, seconds: float) -> None:
        """Its setting cannot be fitted or scored."""
        self._trial.set_user_attr(REASON, reason)
        self._end(TrialState.FAIL, seconds)

    def give_up(self, space: SearchSpace) -> None:
        """It was interrupted: its setting waits for another run."""
        attributes = {SETTING: space.setting(self._trial.params), INSTEAD: self.number}
        self._study.enqueue_trial(self._trial.params, user_attrs=attributes)
        _void(self._study, self.number)

    def _end(self, state: TrialState, seconds: float, value: float | None = None) -> None:
        self._trial.set_user_attr(SECONDS, round(seconds, 3))
        self._study.tell(self._trial, value, state)


def _opened(file: Path, name: str) -> optuna.Study:
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    with storage.translated(file):
        file.parent.mkdir(parents=True, exist_ok=True)
    try:
        return optuna.create_study(
            storage=optuna.storages.RDBStorage(
                f"sqlite:///{file}", engine_kwargs={"connect_args": {"timeout": BUSY_SECONDS}}
            ),
            study_name=name,
            direction="maximize",
            load_if_exists=True,
        )
    except (DatabaseError, RuntimeError) as error:
        raise BadRecord(
            f"the file of studies cannot be read: {str(error).splitlines()[0]}",
            where=[str(file)],
            hint="move it away; the search then begins anew",
        ) from error


def _void(study: optuna.Study, number: int) -> None:
    """Takes a running trial out of the count, then ends it."""
    known = study.user_attrs.get(VOID, [])
    study.set_user_attr(VOID, sorted({*known, number}))
    study.tell(number, state=TrialState.FAIL)


def _setting(trial: FrozenTrial) -> Setting | None:
    return trial.user_attrs.get(SETTING)


def _record(trial: FrozenTrial) -> Trial:
    known = trial.user_attrs
    return Trial.model_validate(
        {
            "number": trial.number,
            "setting": known.get(SETTING, {}),
            "state": ENDED[trial.state],
            "value": trial.value if trial.state is TrialState.COMPLETE else None,
            "metrics": known.get(METRICS, {}),
            "by_epoch": trial.intermediate_values,
            "seconds": known.get(SECONDS),
            "reason": known.get(REASON),
            "experiment": known.get(EXPERIMENT),
        }
    )
