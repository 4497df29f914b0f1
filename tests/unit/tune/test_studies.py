from pathlib import Path

import optuna
import pytest

from pipelines.contracts.model import UserGains
from pipelines.contracts.tune import Outcome, Setting
from pipelines.errors import BadRecord
from pipelines.params import Params
from pipelines.tune.spaces import search_space
from pipelines.tune.studies import Attempt, Study

METRIC = "ndcg_at_10"
PRESENT = Params.load().popularity.half_life_days
USERS = UserGains(n_events=[1, 2], gains=[0.5, 0.5])


def make_study(
    folder: Path, half_life_days: float = PRESENT, name: str = "popularity-1", seed: int = 3
) -> Study:
    """As at the start of a run; nothing but the file is kept from one to the next."""
    params = Params.load(Path("params.yaml"), [f"popularity.half_life_days={half_life_days}"])
    tune = params.tune.model_copy(update={"random_trials": 3, "pruning_trials": 2})
    return Study(folder / "study.db", name, search_space(params, "popularity"), tune, seed)


def value_of(setting: Setting) -> float:
    return 1.0 / (1.0 + abs(float(setting["half_life_days"]) - 40.0))


def complete(attempt: Attempt) -> None:
    value = value_of(attempt.setting)
    attempt.complete(Outcome(metrics={METRIC: value}, users=USERS), METRIC, 2.5, "name")


def go_on(folder: Path, trials: int) -> list[Setting]:
    """Settings of the complete trials after a run of so many more."""
    study = make_study(folder)
    for _ in range(trials):
        complete(study.next())
    return [trial.setting for trial in study.trials if trial.state == "complete"]


def test_the_present_setting_is_tried_first_and_once(tmp_path: Path) -> None:
    settings = go_on(tmp_path, 4)

    assert settings[0] == {"half_life_days": PRESENT}
    assert settings.count({"half_life_days": PRESENT}) == 1
    assert len({setting["half_life_days"] for setting in settings}) == 4


def test_another_present_setting_is_tried_next(tmp_path: Path) -> None:
    go_on(tmp_path, 2)

    assert make_study(tmp_path, half_life_days=99.0).next().setting == {"half_life_days": 99.0}


def test_a_present_setting_that_was_found_by_the_search_is_not_tried_again(tmp_path: Path) -> None:
    second = go_on(tmp_path, 2)[1]["half_life_days"]

    assert make_study(tmp_path, float(second)).next().setting["half_life_days"] != second


def test_a_trial_whose_process_died_is_tried_again_and_counts_once(tmp_path: Path) -> None:
    go_on(tmp_path, 2)
    killed = make_study(tmp_path).next()

    again = make_study(tmp_path, seed=4).next()  # another seed would draw another setting

    assert again.setting == killed.setting
    complete(again)
    trials = make_study(tmp_path).trials
    assert [trial.setting for trial in trials].count(killed.setting) == 1
    assert [trial.state for trial in trials] == ["complete"] * 3


def test_a_run_that_died_while_it_recovered_is_made_good(tmp_path: Path) -> None:
    """Killed after the setting was put back and before the dead trial was ended."""
    killed = make_study(tmp_path).next()
    url = f"sqlite:///{tmp_path / 'study.db'}"
    study = optuna.load_study(study_name="popularity-1", storage=url)
    attributes = {"instead_of": killed.number, "setting": killed.setting}
    study.enqueue_trial(killed.setting, user_attrs=attributes)

    complete(make_study(tmp_path).next())
    following = make_study(tmp_path).next()

    assert killed.setting == {"half_life_days": PRESENT}
    assert following.setting != killed.setting


def test_kills_change_nothing_of_what_is_tried(tmp_path: Path) -> None:
    """A sampler that began anew in each run would draw the first random settings again."""
    study = make_study(tmp_path / "undisturbed")
    for _ in range(5):
        complete(study.next())

    for _ in range(5):
        make_study(tmp_path / "killed").next()
        study = make_study(tmp_path / "killed")
        study.next().give_up(study.space)
        complete(study.next())

    assert go_on(tmp_path / "killed", 0) == go_on(tmp_path / "undisturbed", 0)


def test_a_failed_setting_is_kept_with_its_reason_and_not_drawn_again(tmp_path: Path) -> None:
    go_on(tmp_path, 1)
    failed = make_study(tmp_path).next()
    failed.fail("the loss is NaN", 1.0)

    following = make_study(tmp_path).next()

    record = make_study(tmp_path).trials[1]
    assert (record.state, record.reason, record.value) == ("failed", "the loss is NaN", None)
    assert following.setting != failed.setting


def test_a_trial_is_hopeless_when_it_is_worse_than_half_of_the_others(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    for score in (0.4, 0.6):
        attempt = study.next()
        assert not any(attempt.is_hopeless(epoch, score) for epoch in range(1, 6))
        complete(attempt)

    worse, better = study.next(), study.next()

    least = Params.load().tune.pruning_epochs
    assert [worse.is_hopeless(epoch, 0.45) for epoch in range(1, 6)] == [
        epoch >= least for epoch in range(1, 6)
    ]
    assert not any(better.is_hopeless(epoch, 0.55) for epoch in range(1, 6))


def test_a_pruned_trial_keeps_its_epochs_and_is_not_a_result(tmp_path: Path) -> None:
    study = make_study(tmp_path)
    complete(study.next())
    pruned = study.next()
    pruned.is_hopeless(1, 0.9)
    pruned.prune(4.0)

    record = make_study(tmp_path).trials[1]

    assert (record.state, record.value, record.by_epoch) == ("pruned", None, {1: 0.9})
    assert list(make_study(tmp_path).gains) == [0]
    assert make_study(tmp_path).quickest == 2.5


def test_another_name_is_another_study(tmp_path: Path) -> None:
    go_on(tmp_path, 2)

    assert make_study(tmp_path, name="popularity-2").trials == []


def test_the_parameter_that_decides_is_the_important_one(tmp_path: Path) -> None:
    params = Params.load()
    spaces = {"cf": {name: params.tune.spaces["cf"][name] for name in ("l2", "prior_weight")}}
    tune = params.tune.model_copy(update={"spaces": spaces, "random_trials": 25})
    params = params.model_copy(update={"tune": tune})
    study = Study(tmp_path / "study.db", "cf-1", search_space(params, "cf"), tune, seed=3)
    for _ in range(25):
        attempt = study.next()
        value = 1.0 / float(attempt.setting["l2"])
        attempt.complete(Outcome(metrics={METRIC: value}, users=USERS), METRIC, 1.0, None)

    importance = study.importance()

    assert importance["l2"] > importance["prior_weight"]
    assert sum(importance.values()) == pytest.approx(1.0, abs=1e-3)


def test_a_file_that_holds_no_studies_is_refused(tmp_path: Path) -> None:
    (tmp_path / "study.db").write_bytes(b"not SQLite" * 200)

    with pytest.raises(BadRecord, match="studies"):
        make_study(tmp_path)
