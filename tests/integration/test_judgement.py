"""train, evaluate, refit and gate on the known-answer world, with real artifacts."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipelines import storage
from pipelines.cli import application
from pipelines.contracts.model import (
    ARTIFACTS,
    GATE,
    MEASURED,
    METRICS,
    PREPARED,
    REPORT,
    TRAIN_REPORTS,
    WINNER,
    Champion,
    Metrics,
    TrainReport,
    Verdict,
    Winner,
)
from pipelines.errors import DataChanged, NotMeasured, UnknownFamily
from pipelines.evaluate import step as evaluate
from pipelines.gate import opponents
from pipelines.gate import step as gate
from pipelines.gate.behaviours import FILE
from pipelines.measures.recorded import read_ranks
from pipelines.measures.scores import Window
from pipelines.models.artifact import MANIFEST, Manifest, write
from pipelines.models.examples import PreparedData
from pipelines.models.family import fit
from pipelines.refit import step as refit
from pipelines.train import step as train
from tests.world import make_world, world_params

ROOT = Path(__file__).parents[2]
# the world's test window has a few hundred events
SMALL = (
    "families=[popularity, cf]",
    "blends=[]",
    "evaluate.k=3",
    "gate.min_events=100",
    "gate.min_users=20",
)
# its answers are known, so a good model is better than anything real
KNOWN = ("gate.max_share_of_best=0.99", "gate.max_gain=1000.0", "gate.max_auc=0.999")


@pytest.fixture(scope="module")
def params():
    return world_params(*SMALL, *KNOWN)


@pytest.fixture(scope="module")
def judged(tmp_path_factory, params):
    """A folder in which all four steps have run."""
    folder = tmp_path_factory.mktemp("judged")
    make_world().write(folder / PREPARED)
    (folder / "run.yaml").write_text("kind: recipe\n")
    (folder / "champion.json").write_text('{"version": null}\n')
    shutil.copy(ROOT / FILE, folder / FILE)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", str(ROOT))  # for the gate's fresh process
        for family in params.families:
            train.run(params, family)
        evaluate.run(params)
        refit.run(params)
        gate.run(params)
    return folder


@pytest.fixture
def clone(judged, tmp_path, monkeypatch):
    """A copy of it that a test may damage; cwd is there."""
    shutil.copytree(judged, tmp_path / "clone")
    monkeypatch.chdir(tmp_path / "clone")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    return tmp_path / "clone"


CHAMPION = Champion(version="recommender@v1.0.0", commit="0" * 40)


def make_window(data: PreparedData) -> Window:
    return Window(data, data.window("test"), k=3, samples=10, seed=1)


def failed(verdict: Verdict) -> set[str]:
    return {check.name for check in verdict.checks if check.verdict == "fail"}


def test_the_winner_ships_as_a_first_release(judged):
    verdict = storage.read_record(judged / GATE, Verdict)

    assert (verdict.verdict, verdict.winner) == ("ship", "cf"), verdict.reason


def test_the_metrics_file_has_the_promised_shape(judged):
    metrics = storage.read_record(judged / METRICS, Metrics)

    assert set(metrics.test["live"]) == {"popularity", "cf"}
    assert set(metrics.paired["live"]) == {"popularity-cf"}
    assert metrics.paired["live"]["popularity-cf"]["ndcg_at_3"].high < 0
    assert {"hr_at_3", "coverage_at_3", "like_auc", "stars_rmse"} <= set(metrics.test["live"]["cf"])
    assert metrics.slices["live"]["cf"]["history:0"]["hr_at_3"].n_users > 0
    assert set(metrics.test["window"]) == {"popularity", "cf"}
    assert {"hr_at_3", "recall_at_3", "map_at_3"} <= set(metrics.paired["window"]["popularity-cf"])
    assert metrics.slices["window"]["cf"]["history:0"]["ndcg_at_3"].n_users > 0


def test_the_winner_was_named_from_validation(judged):
    winner = storage.read_record(judged / WINNER, Winner)
    report = json.loads((judged / "reports/train/cf.json").read_text())

    assert winner.scores["cf"] == report["validation"]["ndcg_at_3"]["value"]


def test_gating_again_gives_equal_bytes(clone, params):
    first = GATE.read_bytes()

    gate.run(params)

    assert GATE.read_bytes() == first


def test_one_flipped_byte_rejects_and_names_the_file(clone, params):
    file = ARTIFACTS / "cf" / "card.md"
    file.write_bytes(b"X" + file.read_bytes()[1:])

    verdict = gate.run(params)

    assert verdict.verdict == "reject"
    reason = next(check.reason for check in verdict.checks if check.name == "digest:judged")
    assert "card.md" in reason
    assert failed(verdict) == {"digest:judged"}


def test_an_artifact_that_changed_after_training_is_not_evaluated(clone, params):
    (ARTIFACTS / "cf" / "card.md").write_text("better")

    with pytest.raises(DataChanged, match="not the one that was trained"):
        evaluate.run(params)


def test_a_recipe_whose_code_changed_is_not_refitted(clone, params):
    winner = storage.read_record(WINNER, Winner)
    storage.write_record(WINNER, winner.model_copy(update={"code_digest": "0" * 64}))

    with pytest.raises(DataChanged, match="not the code that was judged"):
        refit.run(params)


def test_an_artifact_is_judged_by_itself(clone, params):
    verdict = gate.run_on_artifact(params, ARTIFACTS / "cf")

    assert (verdict.verdict, verdict.kind) == ("ship", "recipe"), verdict.reason


def test_an_artifact_that_is_held_is_no_success(clone, capsys):
    settings = [word for override in (*SMALL, *KNOWN) for word in ("-P", override)]
    few = ("--params", str(ROOT / "params.yaml"), *settings, "-P", "gate.min_events=100000")

    code = application.main(["gate", "--artifact", "artifacts/cf", "--json", *few])

    told = json.loads(capsys.readouterr().out)
    assert (code, told["verdict"]) == (4, "hold")


@pytest.mark.parametrize("heads", [["stars", "like"], ["like"]], ids=["reordered", "fewer"])
def test_an_artifact_with_other_heads_is_refused(clone, params, heads):
    other = shutil.copytree(ARTIFACTS / "cf", Path("other"))
    manifest = storage.read_record(other / MANIFEST, Manifest)
    storage.write_record(other / MANIFEST, manifest.model_copy(update={"heads": heads}))

    verdict = gate.run_on_artifact(params, other)

    reasons = {check.name: check.reason for check in verdict.checks}
    assert verdict.verdict == "reject"
    assert reasons["signature:judged"]


def test_a_champion_of_other_profile_fields_is_asked(clone, params, monkeypatch):
    data = PreparedData.load(PREPARED)
    fields = {"segment": "category", "city": "category", "age": "number"}
    prepared = data.prepared.model_copy(update={"profile_fields": fields})
    older = replace(data, prepared=prepared, interactions=data.interactions.assign(profile_city=""))
    until = prepared.fit_cut
    fitted = fit("popularity", older, params, until=until, epochs=None, calibration=None)
    write(Path("older"), fitted, older, params, data.last_instant(until))
    monkeypatch.setattr(opponents, "_fetch_served", lambda _: Path("older"))
    monkeypatch.setattr(opponents, "former_gains", lambda *_: ())

    found = opponents.opponent(CHAMPION, "refresh", make_window(data), 100, n_refreshes=1)

    assert found.fault is None
    assert found.decides.ranks.tolist() == read_ranks(MEASURED, "popularity")[1].tolist()


def test_a_champion_that_cannot_be_loaded_is_told_and_ends_nothing(clone, monkeypatch):
    broken = shutil.copytree(ARTIFACTS / "cf", Path("broken"))
    graph = broken / "saved_model" / "saved_model.pb"
    graph.write_bytes(b"no graph")
    manifest = storage.read_record(broken / MANIFEST, Manifest)
    files = {**manifest.files, "saved_model/saved_model.pb": storage.sha256_file(graph)}
    storage.write_record(broken / MANIFEST, manifest.model_copy(update={"files": files}))
    monkeypatch.setattr(opponents, "_fetch_served", lambda _: broken)

    found = opponents.opponent(
        CHAMPION, "refresh", make_window(PreparedData.load(PREPARED)), 100, n_refreshes=1
    )

    assert found.decides is None
    assert found.fault == "its artifact: its graph cannot be read"


def test_popularity_under_another_name_is_refused(clone, params):
    disguised = shutil.copytree(ARTIFACTS / "popularity", Path("disguised"))
    manifest = storage.read_record(disguised / MANIFEST, Manifest)
    storage.write_record(disguised / MANIFEST, manifest.model_copy(update={"family": "multitask"}))

    verdict = gate.run_on_artifact(params, disguised)

    assert verdict.verdict == "reject"
    assert "personalised:judged" in failed(verdict)


def test_items_shifted_by_one_row_are_refused(clone, params):
    # the table of names says b where the model means a: every slate names the neighbour
    shifted = shutil.copytree(ARTIFACTS / "cf", Path("shifted"))
    manifest = storage.read_record(shifted / MANIFEST, Manifest)
    names = [*manifest.item_ids[1:], manifest.item_ids[0]]
    storage.write_record(shifted / MANIFEST, manifest.model_copy(update={"item_ids": names}))

    assert gate.run_on_artifact(params, shifted).verdict == "reject"


def test_a_folder_that_is_no_artifact_is_refused(clone, params):
    Path("empty").mkdir()

    verdict = gate.run_on_artifact(params, Path("empty"))

    assert verdict.verdict == "reject"
    assert "digest:judged" in failed(verdict)


@pytest.fixture
def without_cf(params):
    """The parameters after somebody dropped the winner's family."""
    return params.model_copy(update={"families": ["popularity"]})


def test_a_family_that_was_dropped_takes_no_part_though_its_report_is_there(clone, without_cf):
    evaluated = evaluate.run(without_cf)

    metrics = storage.read_record(METRICS, Metrics)
    assert (TRAIN_REPORTS / "cf.json").is_file()
    assert (evaluated.winner, set(evaluated.ndcg)) == ("popularity", {"popularity"})
    assert (set(metrics.test["live"]), metrics.paired["live"]) == ({"popularity"}, {})
    assert [path.name for path in MEASURED.iterdir()] == ["popularity.parquet"]
    assert "<td>cf</td>" not in REPORT.read_text()
    assert refit.run(without_cf).family == "popularity"
    verdict = gate.run(without_cf)
    assert verdict.winner == "popularity"
    assert not [check for check in verdict.checks if "cf" in check.reason.split()]


def test_a_winner_whose_family_was_dropped_is_not_judged(clone, without_cf):
    with pytest.raises(NotMeasured, match="the winner, cf, is not one of the families") as refused:
        gate.run(without_cf)

    assert refused.value.exit_code == 2


def test_a_dropped_family_cannot_be_trained(clone, without_cf):
    with pytest.raises(UnknownFamily, match="'cf' is not one of the families"):
        train.run(without_cf, "cf")


def test_a_report_of_another_cut_is_not_evaluated(clone, params):
    report = storage.read_record(TRAIN_REPORTS / "cf.json", TrainReport)
    older = report.model_copy(update={"fit_until": report.fit_until - 1})
    storage.write_record(TRAIN_REPORTS / "cf.json", older)

    with pytest.raises(DataChanged, match="cf learnt until"):
        evaluate.run(params)


def test_without_an_evaluation_nothing_is_judged(clone, params):
    shutil.rmtree("data/measured")

    with pytest.raises(NotMeasured, match="no evaluation of popularity"):
        gate.run(params)
