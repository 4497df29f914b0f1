"""What the signatures promise, for every family, present and future."""

import json
import shutil
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pytest

from pipelines.models.artifact import MANIFEST, check_files, open_artifact, write
from pipelines.models.family import Source, fit, parts
from tests.behaviour.asking import ask, scores_of
from tests.behaviour.conftest import FAMILIES
from tests.world import ALPHA, BETA, CLICK, DECOY, TIED, VALIDATION_CUT, world_params

CHEAP_SOURCES = "blend.sources=[cf, content, popularity]"
HISTORIES = [[], ALPHA[2:3], ALPHA[:4], BETA[:5], ALPHA[:3] + BETA[:2], ["never heard of"]]


def test_slate_holds_distinct_items_by_falling_score(model):
    """Would catch an unsorted answer or a gather with the wrong indices."""
    slates = model.recommend(ask(*HISTORIES), None, 10)

    assert [len(set(row)) for row in slates.item_ids] == [10] * len(HISTORIES)
    assert (np.diff(slates.scores, axis=1) <= 0).all()


def test_shorter_slate_is_the_start_of_a_longer_one(model):
    """Would catch a k that takes part in the scores, or another order of ties for each k."""
    queries = ask(*HISTORIES)

    long, short = model.recommend(queries, None, 20), model.recommend(queries, None, 3)

    assert (long.item_ids[:, :3] == short.item_ids).all()
    np.testing.assert_array_equal(long.scores[:, :3], short.scores)


def test_slate_is_padded_when_k_exceeds_the_catalogue(model):
    """Would catch a top-k that fails, or repeats items, beyond the catalogue."""
    n_items = len(model.manifest.item_ids)

    slates = model.recommend(ask(ALPHA[:3]), None, n_items + 2)

    assert set(slates.item_ids[0, :n_items]) == set(model.manifest.item_ids)
    assert list(slates.item_ids[0, n_items:]) == ["", ""]
    assert np.isneginf(slates.scores[0, n_items:]).all()
    assert np.isnan(slates.predictions[0, n_items:]).all()


def test_only_allowed_items_are_recommended(model):
    """Would catch unfiltered seen items: a mask that is ignored, shifted or applied after top-k."""
    allow = np.zeros((1, len(model.manifest.item_ids)), dtype=bool)
    allow[0, [model.manifest.item_ids.index(item_id) for item_id in (BETA[6], DECOY)]] = True

    slates = model.recommend(ask(ALPHA[:3]), allow, 4)

    assert set(slates.item_ids[0]) == {BETA[6], DECOY, ""}
    assert np.isfinite(slates.scores[0, :2]).all()
    assert np.isneginf(slates.scores[0, 2:]).all()


@pytest.mark.parametrize("history", HISTORIES, ids=lambda history: f"{len(history)} events")
def test_row_is_answered_alike_alone_in_a_batch_and_padded(model, history):
    """Would catch sums or norms over the batch, and padding that is read as events."""
    alone = model.recommend(ask(history), None, 10)

    batch = model.recommend(ask(*HISTORIES), None, 10)
    padded = model.recommend(ask(history, padding=70), None, 10)

    row = HISTORIES.index(history)
    np.testing.assert_allclose(batch.scores[row], alone.scores[0], atol=1e-5)
    np.testing.assert_allclose(padded.scores[0], alone.scores[0], atol=1e-5)
    np.testing.assert_allclose(batch.predictions[row], alone.predictions[0], atol=1e-5)


def test_only_the_newest_events_of_a_long_history_are_read(model):
    """Would catch a cut at the wrong end: the oldest kept instead of the newest."""
    newest = (ALPHA * 20)[: model.manifest.max_history]

    cut = model.recommend(ask(newest), None, 10)
    long = model.recommend(ask(BETA + newest), None, 10)

    np.testing.assert_allclose(long.scores, cut.scores, atol=1e-5)


def test_rank_gives_the_scores_of_recommend(model):
    """Would catch a second scoring path that has drifted from the first."""
    queries = ask(*HISTORIES)

    slates = model.recommend(queries, None, 10)
    ranked = model.rank(queries, slates.item_ids)

    np.testing.assert_allclose(ranked.scores, slates.scores, atol=1e-5)
    np.testing.assert_allclose(ranked.predictions, slates.predictions, atol=1e-5)


def test_every_item_has_finite_scores_and_predictions_in_natural_units(model):
    """Would catch division by the count of an item that nobody chose, and uncalibrated units."""
    everything = np.array([model.manifest.item_ids], dtype=object)

    ranked = model.rank(ask([]), everything)

    like, stars = np.moveaxis(ranked.predictions[0], 1, 0)
    assert np.isfinite(ranked.scores).all()
    assert ((like >= 0) & (like <= 1)).all()
    assert ((stars >= 1) & (stars <= 5)).all()


def test_unknown_item_has_no_score(model):
    """Would catch an unknown id that silently becomes the first item of the catalogue."""
    ranked = model.rank(ask(ALPHA[:2]), np.array([["never heard of", ""]], dtype=object))

    assert np.isneginf(ranked.scores).all()
    assert np.isnan(ranked.predictions).all()


def test_equal_items_stand_in_manifest_order(model):
    """Would catch ties that chance decides, such as random vectors of untouched items."""
    queries = ask(*HISTORIES)

    scores = scores_of(model, queries, TIED)
    everything = model.recommend(queries, None, len(model.manifest.item_ids)).item_ids

    np.testing.assert_array_equal(scores[:, 0], scores[:, 1])
    first, second = ((everything == item_id).argmax(axis=1) for item_id in TIED)
    assert (first < second).all()


def test_task_weights_alone_order_the_slate(model):
    """Would catch weights in another order than the descriptor's tasks, or ignored ones."""
    like_only = np.array([[0.0, 1.0, 0.0]], dtype=np.float32)

    slates = model.recommend(ask(ALPHA[:3]), None, 20, like_only)

    assert (np.diff(slates.predictions[0, :, 0]) <= 1e-6).all()


def test_explanation_adds_up_to_the_score(linear):
    """Would catch an explanation of another model than the one that scores."""
    queries = ask(*HISTORIES)

    parts = linear.explain(queries, np.array([BETA[5]] * len(HISTORIES), dtype=object))

    total = sum(part.sum(axis=1) for part in (parts.history, parts.profile, parts.features))
    assert parts.history.shape == queries.histories.item_ids.shape
    np.testing.assert_allclose(
        total + parts.base, scores_of(linear, queries, [BETA[5]])[:, 0], atol=1e-6
    )


def test_similar_items_are_others_by_falling_cosine(model):
    """Would catch an item that is most similar to itself, and unknown ids that are answered."""
    ids, cosines = model.similar(np.array([BETA[2], "never heard of"], dtype=object), 5)

    assert BETA[2] not in ids[0]
    assert (np.diff(cosines[0]) <= 0).all()
    assert cosines[0].max() <= 1.0 + 1e-6
    assert list(ids[1]) == [""] * 5


def test_item_vectors_follow_the_manifest(model):
    """Would catch vectors of a subset: every item has one, seen or not."""
    vectors = model.item_vectors()

    assert vectors.shape[0] == len(model.manifest.item_ids)
    assert np.isfinite(vectors).all()


def test_fresh_process_answers_the_golden_requests(model):
    """Would catch state outside the files: a look-up table, a seed, a Keras class."""
    done = _replay(model.folder)

    assert (done.returncode, json.loads(done.stdout)) == (0, {"ok": True, "wrong": []})


def test_artifact_holds_no_person(model, world):
    """Would catch user ids in vocabularies, golden requests or weights."""
    user_ids = world.data.interactions["user_id"].unique()
    content = b"".join(path.read_bytes() for path in model.folder.rglob("*") if path.is_file())

    assert not [user_id for user_id in user_ids if user_id.encode() in content]


@pytest.mark.parametrize("family", FAMILIES)
def test_fit_learns_nothing_from_after_its_end(family, world, tmp_path):
    """Would catch item statistics, vocabularies or labels of the future in the fit."""
    params = world_params(CHEAP_SOURCES)
    frame = world.data.interactions.copy()
    later = (frame["timestamp"] >= VALIDATION_CUT).to_numpy()
    # another future: everybody chooses another item, of another kind, and hates it
    frame.loc[later, "item"] = (frame.loc[later, "item"] + 1) % len(world.data.items)
    frame.loc[later, "event"], frame.loc[later, "value"] = "return", np.float32(1)
    frame.loc[later, "profile_segment"] = "changed"
    other = replace(world.data, interactions=frame)

    vectors = []
    for name, data in (("known", world.data), ("other", other)):
        model = fit_anew(family, data, params, tmp_path / name)
        everything = model.recommend(ask(*HISTORIES), None, len(data.items))
        vectors.append((everything.scores, everything.predictions, model.item_vectors()))

    for known, changed in zip(*vectors, strict=True):
        np.testing.assert_allclose(changed, known, atol=1e-5)


@pytest.mark.parametrize("family", ["neighbours", "als", "sequence"])
def test_equal_data_and_parameters_give_equal_weights_and_answers(
    family, artifacts, world, tmp_path
):
    """Would catch threads, iterations or starts that differ from fit to fit.

    The graph's bytes number the functions of the whole process, so they are left out here.
    """
    params = world_params()

    fitted = fit(family, world.data, params, until=VALIDATION_CUT, epochs=None, calibration=None)
    write(tmp_path / family, fitted, world.data, params, VALIDATION_CUT - 1)

    first, second = artifacts(family).manifest.files, check_files(tmp_path / family).files
    learnt = [name for name in first if not name.endswith("saved_model.pb")]
    assert len(learnt) >= 3
    assert {name: first[name] for name in learnt} == {name: second[name] for name in learnt}


@pytest.mark.parametrize("family", FAMILIES)
def test_two_retrieval_tasks_and_nothing_else_are_enough(family, world, tmp_path):
    """Would catch names of one data set, and tables that must not be empty."""
    prepared = world.data.prepared.model_copy(
        update={
            "tasks": [CLICK, CLICK.model_copy(update={"name": "again"})],
            "heads": [],
            "profile_fields": {},
            "item_features": {},
        }
    )
    bare = replace(world.data, prepared=prepared)

    model = fit_anew(family, bare, world_params(CHEAP_SOURCES), tmp_path)
    query = replace(ask(ALPHA[:2]), profile=np.zeros((1, 0), dtype=object))
    slates = model.recommend(query, None, 5)

    assert np.isfinite(slates.scores).all()
    assert slates.predictions.shape == (1, 5, 0)
    assert model.manifest.task_weights == [1.0, 1.0]


def fit_anew(family, data, params, folder):
    """A family fitted quickly and told all that it could learn after its fit window."""
    sources = {}
    for name in parts(family, params):
        fit_anew(name, data, params, folder)
        sources[name] = Source(folder / name, 1, {})
    alike = {name: {"z": 1.0, "log": 1.0} for name in sources}
    told = {"weights": {task.name: alike for task in data.prepared.tasks}} if sources else {}
    fitted = fit(
        family,
        data,
        params,
        until=VALIDATION_CUT,
        epochs=1,
        calibration=told,
        sources=sources,
    )
    write(folder / family, fitted, data, params, VALIDATION_CUT - 1)
    return open_artifact(folder / family)


def test_replay_refuses_an_artifact_with_a_changed_weight(artifacts, tmp_path):
    """Would catch an artifact that is loaded before its digests are checked."""
    folder = tmp_path / "changed"
    shutil.copytree(artifacts("cf").folder, folder)
    weights = next((folder / "saved_model" / "variables").glob("variables.data*"))
    weights.write_bytes(weights.read_bytes()[:-1] + b"\x01")

    done = _replay(folder)

    assert done.returncode == 4
    assert json.loads(done.stdout)["error"]["code"] == "bad-artifact"
    assert (folder / MANIFEST).is_file()


def _replay(folder):
    command = [sys.executable, "-m", "pipelines.gate.replay", str(folder)]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=120)


def test_queries_of_the_world_are_strictly_earlier(world):
    """Would catch page siblings and the target itself in the history."""
    rows = world.data.window("test")

    queries = world.data.queries(rows, 1000, [])

    assert (queries.histories.timestamps.max(axis=1) < world.data.timestamps[rows]).all()
    assert (queries.now == world.data.timestamps[rows]).all()
