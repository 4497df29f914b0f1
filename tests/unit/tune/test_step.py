from pathlib import Path

import pytest

from pipelines import storage
from pipelines.errors import BadParameter, LockHeld, PresentFails, UsageError
from pipelines.home import Home
from pipelines.params import Params
from pipelines.tune import step
from pipelines.tune.experiments import Experiments
from pipelines.tune.searching import Bench, Lane, search
from pipelines.tune.spaces import search_space
from pipelines.tune.studies import Study
from pipelines.tune.turns import Share


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("TANDEM_HOME", str(tmp_path / "home"))
    return Home.find().ensure()


def test_one_search_at_a_time_works_in_a_home(home: Home) -> None:
    with storage.lock(home.locks / "tune", "tune"), pytest.raises(LockHeld, match="tune"):
        step.run(Params.load(), step.Wanted(budget_minutes=1))


def test_what_was_tried_with_overrides_is_not_written_without_them(home: Home) -> None:
    wanted = step.Wanted(budget_minutes=1, write=True, overrides=["cf.max_history=40"])

    with pytest.raises(UsageError, match="exclude each other"):
        step.run(Params.load(), wanted)


def test_a_family_that_is_not_there_is_refused_before_anything_is_done(home: Home) -> None:
    with pytest.raises(BadParameter, match="nobody"):
        step.run(Params.load(), step.Wanted(budget_minutes=1, families=["cf", "nobody"]))

    assert not home.tune.exists()


def test_a_present_setting_that_fails_is_named_and_tried_again_next_time(tmp_path: Path) -> None:
    """Without it nothing can be compared; here the prepared tables are missing."""
    params = Params.load()
    bench = Bench(
        folder=tmp_path,
        logs=tmp_path,
        text=Path("params.yaml").read_text(),
        metric="ndcg_at_10",
        experiments=Experiments(tmp_path),
    )

    def make_lane() -> Lane:
        space = search_space(params, "popularity")
        study = Study(tmp_path / "study.db", "popularity-1", space, params.tune, seed=1)
        return Lane(study, Share("popularity", study.quickest))

    with pytest.raises(PresentFails, match="popularity fails with its present setting: a file is"):
        search(bench, [make_lane()], 120.0)

    failed, following = make_lane().study.trials, make_lane().study.next()
    assert [trial.state for trial in failed] == ["failed"]
    assert following.setting == failed[0].setting
