"""A blend from its sources' files, by the steps: trained, evaluated, fitted anew through today."""

from pathlib import Path

import numpy as np
import pytest

from pipelines import storage
from pipelines.contracts.model import (
    ARTIFACTS,
    PREPARED,
    REFIT,
    TRAIN_REPORTS,
    WINNER,
    TrainReport,
    Winner,
)
from pipelines.errors import DataChanged
from pipelines.evaluate import step as evaluate
from pipelines.models.artifact import open_artifact
from pipelines.models.examples import PreparedData
from pipelines.refit import step as refit
from pipelines.train import step as train
from tests.world import make_world, world_params

SOURCES = ("cf", "popularity", "content")
PARAMS = world_params(
    f"families=[{', '.join(SOURCES)}]", f"blend.sources=[{', '.join(SOURCES)}]", "evaluate.k=3"
)


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A folder in which everything but the refit has run; cwd is there."""
    folder = tmp_path_factory.mktemp("blended")
    make_world().write(folder / PREPARED)
    (folder / "run.yaml").write_text("kind: recipe\n")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        for family in PARAMS.contenders:
            train.run(PARAMS, family)
        evaluate.run(PARAMS)
        yield folder


def report_of(family) -> TrainReport:
    return storage.read_record(TRAIN_REPORTS / f"{family}.json", TrainReport)


def asked(clone: Path):
    """Requests of the test window, and what the sources and the blend say of all items."""
    data = PreparedData.load(clone / PREPARED)
    rows = data.window("test")[:40]
    models = {name: open_artifact(ARTIFACTS / name) for name in (*SOURCES, "blend")}
    fields = models["blend"].manifest.profile_fields
    queries = data.queries(rows, models["blend"].manifest.max_history, fields)
    everything = np.tile(np.array(data.item_ids, dtype=object), (len(rows), 1))
    return {name: model.rank(queries, everything) for name, model in models.items()}


def test_score_is_the_weighted_sum_of_the_standardised_scores(clone):
    answers = asked(clone)
    weights = report_of("blend").calibration["weights"]["click"]

    wanted = np.zeros_like(answers["blend"].scores)
    for name in SOURCES:
        scores = answers[name].scores
        z = (scores - scores.mean(axis=1, keepdims=True)) / scores.std(axis=1, keepdims=True)
        wanted += weights[name]["z"] * z + weights[name]["log"] * np.sign(z) * np.log1p(abs(z))

    assert max(pair["z"] + pair["log"] for pair in weights.values()) > 0
    np.testing.assert_allclose(answers["blend"].scores, wanted, rtol=1e-3, atol=1e-3)


def test_predictions_are_those_of_the_first_source(clone):
    answers = asked(clone)

    np.testing.assert_allclose(answers["blend"].predictions, answers["cf"].predictions, atol=1e-5)


def test_useful_source_outweighs_a_useless_one(clone):
    """The decoy is popular and chosen by nobody any more: popularity must not lead."""
    weights = report_of("blend").calibration["weights"]["click"]

    assert sum(weights["cf"].values()) > sum(weights["popularity"].values())


def test_refit_fits_every_source_anew_and_keeps_the_weights(clone):
    blend = report_of("blend")
    winner = storage.read_record(WINNER, Winner).model_copy(
        update={
            "family": "blend",
            "params": blend.params,
            "calibration": blend.calibration,
            "code_digest": blend.code_digest,
        }
    )
    storage.write_record(WINNER, winner)

    refit.run(PARAMS)

    model, judged = open_artifact(REFIT), open_artifact(ARTIFACTS / "blend")
    data = PreparedData.load(clone / PREPARED)
    assert model.manifest.fit_until == data.prepared.newest_event
    assert model.manifest.params == judged.manifest.params
    queries = data.queries(data.window("test")[:20], 50, model.manifest.profile_fields)
    newest, before = (each.recommend(queries, None, 3) for each in (model, judged))
    assert (newest.item_ids != before.item_ids).any()  # cf and popularity have learnt since


def test_source_that_is_not_the_trained_one_is_refused(clone):
    path = TRAIN_REPORTS / "cf.json"
    kept = path.read_text()
    storage.write_record(path, report_of("cf").model_copy(update={"artifact_digest": "0" * 64}))

    with pytest.raises(DataChanged, match="cf is not the one that was trained"):
        train.run(PARAMS, "blend")

    path.write_text(kept)
