"""`tandem tune` in a clone on the known-answer world: killed, interrupted, blind to the test.

Two searches of one family run side by side: one undisturbed until Ctrl-C, one on data whose test
window is destroyed, killed outright in the middle and started again.
"""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import optuna
import psutil
import pytest
from optuna.trial import TrialState

from pipelines.contracts.model import PREPARED
from pipelines.contracts.tune import TUNE, TUNE_PAGE, Search, TuneReport
from pipelines.models.examples import PreparedData
from pipelines.params import Params
from pipelines.processes import wait_until
from pipelines.storage import read_record
from pipelines.tune import step
from pipelines.tune.edits import edited
from tests.integration.small_state import git
from tests.world import World, make_world

ROOT = Path(__file__).parents[2]
TRIAL = "pipelines.tune.trial"
DEADLINE_SECONDS = 180.0
WORLD = {
    "families": "[cf]",
    "blends": "[]",
    "evaluate.k": "3",
    "evaluate.bootstrap_samples": "200",
    "cf.l2": "900000.0",  # so much that only the prior, popularity, is left
}
SPACES = "  spaces: {cf: {l2: {choices: [900000.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0]}}}\n\n"


@dataclass(frozen=True)
class Clone:
    """A clone with prepared data; its home is `var/` inside."""

    root: Path

    @classmethod
    def make(cls, root: Path, world: World) -> "Clone":
        """One commit with what DVC reads, and the world beside it."""
        root.mkdir()
        git(root, "init", "--quiet", "--initial-branch=main")
        for name in (
            "dvc.yaml",
            "run.yaml",
            ".gitignore",
            ".dvcignore",
            ".dvc/config",
            ".dvc/.gitignore",
        ):
            (root / name).parent.mkdir(exist_ok=True)
            (root / name).write_bytes((ROOT / name).read_bytes())
        text = edited((ROOT / "params.yaml").read_text(), WORLD)
        one_space = re.sub(r"  spaces:.*?\n\n", SPACES, text, flags=re.DOTALL)
        (root / "params.yaml").write_text(one_space)
        git(root, "add", "--all")
        git(root, "commit", "--quiet", "--message=first")
        world.write(root / PREPARED)
        return cls(root)

    @property
    def environment(self) -> dict[str, str]:
        return os.environ | {"TANDEM_HOME": str(self.root / "var"), "PYTHONPATH": str(ROOT)}

    @property
    def said(self) -> str:
        return (self.root / "var/stderr").read_text()

    @property
    def search(self) -> Search:
        return read_record(self.root / TUNE, TuneReport).searches[0]

    @contextmanager
    def tuning(self, complete: int) -> Iterator[subprocess.Popen[bytes]]:
        """`tandem tune`, once so many trials are complete and another one runs."""
        (self.root / "var").mkdir(exist_ok=True)
        command = [sys.executable, "-m", "pipelines", "tune", "--budget", "30", "--seed", "5"]
        with (
            (self.root / "var/stderr").open("wb") as stderr,
            subprocess.Popen(
                command,
                cwd=self.root,
                env=self.environment,
                stderr=stderr,
                preexec_fn=_hear_ctrl_c,  # noqa: PLW1509  no other thread here
            ) as process,
        ):
            try:
                assert wait_until(lambda: self._is_after(complete, process), DEADLINE_SECONDS)
                yield process
            finally:
                process.kill()

    def _is_after(self, complete: int, process: subprocess.Popen[bytes]) -> bool:
        assert process.poll() is None, self.said
        return self.said.count("ndcg_at_3 ") >= complete and bool(trials_of(process.pid))


def _hear_ctrl_c() -> None:
    """A suite that runs in the background ignores it, and so would what it starts."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


def trials_of(pid: int) -> list[psutil.Process]:
    """Trial processes that a search has started."""
    found = []
    for child in psutil.Process(pid).children():
        try:
            found += [child] if TRIAL in child.cmdline() else []
        except psutil.NoSuchProcess:
            continue
    return found


@dataclass(frozen=True)
class Ended:
    """A search that was ended, and what was seen of it."""

    clone: Clone
    code: int
    seconds: float
    trial: psutil.Process


def interrupt(clone: Clone, complete: int) -> Ended:
    """Ctrl-C after so many trials, while another one runs."""
    with clone.tuning(complete) as process:
        trial, start = trials_of(process.pid)[0], time.monotonic()
        process.send_signal(signal.SIGINT)
        code = process.wait(timeout=60)
    return Ended(clone, code, time.monotonic() - start, trial)


def kill(clone: Clone, complete: int) -> Ended:
    """SIGKILL after so many trials, while another one runs."""
    with clone.tuning(complete) as process:
        trial, start = trials_of(process.pid)[0], time.monotonic()
        process.kill()
        code = process.wait(timeout=60)
    assert wait_until(lambda: not trial.is_running(), 60)
    return Ended(clone, code, time.monotonic() - start, trial)


def without_a_sane_test_window(world: World) -> World:
    """The same users at the same moments, all with one item, in the test window."""
    data, frame = world.data, world.data.interactions.copy()
    is_test = frame["window"] == "test"
    frame.loc[is_test, ["item", "value"]] = [0, 1.0]
    frame.loc[is_test, "item_id"] = data.item_ids[0]
    return World(PreparedData(data.prepared, frame, data.items), world.chance)


@pytest.fixture(scope="module")
def searches(tmp_path_factory: pytest.TempPathFactory) -> tuple[Ended, Ended]:
    """The undisturbed search, and the killed one on the destroyed test window."""
    folder, world = tmp_path_factory.mktemp("tune"), make_world()
    calm = Clone.make(folder / "calm", world)
    rough = Clone.make(folder / "rough", without_a_sane_test_window(world))

    def killed_and_started_again() -> Ended:
        kill(rough, complete=1)
        file = f"sqlite:///{rough.root / 'var/tune/study.db'}"
        name = optuna.get_all_study_names(file)[0]
        states = [trial.state for trial in optuna.load_study(study_name=name, storage=file).trials]
        assert states == [TrialState.COMPLETE, TrialState.RUNNING]
        return interrupt(rough, complete=1)

    with ThreadPoolExecutor() as pool:
        first, second = (
            pool.submit(interrupt, calm, complete=2),
            pool.submit(killed_and_started_again),
        )
        return first.result(), second.result()


@pytest.fixture
def calm(searches: tuple[Ended, Ended]) -> Ended:
    return searches[0]


@pytest.fixture
def rough(searches: tuple[Ended, Ended]) -> Ended:
    return searches[1]


def tried(search: Search) -> list[tuple[dict[str, object], float | None]]:
    return [(dict(trial.setting), trial.value) for trial in search.trials]


def test_a_killed_search_goes_on_and_no_trial_is_lost_or_counted_twice(
    calm: Ended, rough: Ended
) -> None:
    assert len(calm.clone.search.trials) == len(rough.clone.search.trials) == 2
    assert [trial.state for trial in rough.clone.search.trials] == ["complete"] * 2
    assert tried(rough.clone.search) == tried(calm.clone.search)


def test_a_destroyed_test_window_changes_no_trial(calm: Ended, rough: Ended) -> None:
    """Would catch a trial that looks there: its metrics and its choice would differ."""
    metrics = [[t.metrics for t in ended.clone.search.trials] for ended in (calm, rough)]

    assert calm.clone.search.study == rough.clone.search.study
    assert metrics[0] == metrics[1]


def test_an_interrupted_search_reports_what_has_ended(calm: Ended) -> None:
    report = read_record(calm.clone.root / TUNE, TuneReport)

    assert calm.code == 130
    assert "run the same again to go on" in calm.clone.said
    assert report.is_interrupted
    assert (calm.clone.root / TUNE_PAGE).read_text().count("<svg") >= 1
    assert not calm.trial.is_running()


def test_the_first_trial_is_the_present_setting_and_the_right_one_beats_it(calm: Ended) -> None:
    search = calm.clone.search

    assert (search.present, search.best) == (0, 1)
    assert search.trials[0].setting == {"l2": 900000.0}
    assert search.judgement is not None
    assert search.judgement.improves
    assert search.verdict.startswith("improves: trial 1")


def test_a_trial_scores_as_train_would(
    calm: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The whole data, not the cut ones, and this process: the value is that of `tandem train`."""
    from pipelines.train import step as train

    trial = calm.clone.search.trials[1]
    make_world().write(tmp_path / PREPARED)
    (tmp_path / "run.yaml").write_text("kind: recipe\n")
    monkeypatch.chdir(tmp_path)
    overrides = [f"cf.l2={trial.setting['l2']}"]

    trained = train.run(Params.load(calm.clone.root / "params.yaml", overrides), "cf")

    assert trained.ndcg == trial.value


def test_trials_are_experiments_of_dvc_and_the_workspace_is_as_it_was(calm: Ended) -> None:
    root, search = calm.clone.root, calm.clone.search
    command = [sys.executable, "-m", "dvc", "exp", "show", "--json"]
    environment = calm.clone.environment | {"DVC_NO_ANALYTICS": "1"}

    shown = subprocess.run(command, cwd=root, env=environment, check=True, capture_output=True)

    baseline = json.loads(shown.stdout)[1]
    revisions = {e["name"]: e["revs"][0]["data"] for e in baseline["experiments"]}
    assert set(revisions) == {trial.experiment for trial in search.trials}
    for trial in search.trials:
        data = revisions[trial.experiment]
        assert data["params"]["params.yaml"]["data"]["cf"]["l2"] == trial.setting["l2"]
        listed = data["metrics"]["reports/trial.json"]["data"]
        assert listed == {"family": "cf", "trial": trial.number, "validation": trial.metrics}
    changed = git(root, "status", "--porcelain").split()
    assert changed == ["??", "data/", "??", "reports/"]


def test_the_winner_is_written_and_every_other_byte_stays(
    calm: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, search = calm.clone.root, calm.clone.search
    text = (root / "params.yaml").read_text()
    monkeypatch.chdir(root)
    monkeypatch.setenv("TANDEM_HOME", str(root / "var"))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    best = search.trials[1].setting["l2"]

    dry = step.run(Params.load(), step.Wanted(budget_minutes=0, seed=5))
    same = (root / "params.yaml").read_text()
    done = step.run(Params.load(), step.Wanted(budget_minutes=0, seed=5, write=True))

    assert same == text
    assert dry.write_with == "tandem tune --budget 0 --family cf --write"
    assert done.write_with is None
    note = f"on data/world, validation: reports/tune.json, study {search.study}, trial 1"
    assert f"\ncf: # tuned {note}\n" in (root / "params.yaml").read_text()
    assert (root / "params.yaml").read_text() == text.replace(
        "\ncf:\n", f"\ncf: # tuned {note}\n"
    ).replace("l2: 900000.0", f"l2: {best}", 1)
    (root / "params.yaml").write_text(text)
