"""A catalogue that counts as large: learnt by a sampled softmax, retrieved before it is ranked."""

import numpy as np
import pytest

from pipelines.models.artifact import open_artifact, write
from pipelines.models.family import fit
from tests.behaviour.asking import ask, right_share
from tests.world import ALPHA, BETA, GAMMA, VALIDATION_CUT, world_params

LARGE = ("multitask.full_softmax_items=1", "multitask.sampled_items=10", "multitask.memory_items=5")


@pytest.fixture(scope="module")
def staged(world, tmp_path_factory):
    folder = tmp_path_factory.mktemp("artifact") / "multitask"
    params = world_params(*LARGE)
    fitted = fit("multitask", world.data, params, until=VALIDATION_CUT, epochs=8, calibration={})
    write(folder, fitted, world.data, params, VALIDATION_CUT - 1)
    return open_artifact(folder)


def test_most_of_what_can_be_foreseen_is_foreseen_from_samples(staged, world):
    """Would catch a sample's softmax that is not the catalogue's: the popular pushed down."""
    floor, ceiling = world.floor("test"), world.ceiling("test")

    assert right_share(staged, world, "test") >= floor + 0.5 * (ceiling - floor)


@pytest.mark.parametrize("weights", [None, [[0.0, 1.0, 0.0]]], ids=["manifest", "like"])
def test_rank_and_recommend_agree_though_each_scores_other_items(staged, weights):
    queries = ask(ALPHA[:3], GAMMA[:2], BETA[:4], [])
    given = None if weights is None else np.array(weights * 4, dtype=np.float32)
    slates = staged.recommend(queries, None, 8, given)

    ranked = staged.rank(queries, slates.item_ids, given)

    np.testing.assert_allclose(ranked.scores, slates.scores, atol=1e-4)
    np.testing.assert_allclose(ranked.predictions, slates.predictions, atol=1e-4)
    assert (np.diff(slates.scores, axis=1) <= 0).all()


def test_row_is_answered_alike_alone_and_among_others(staged):
    together = staged.recommend(ask(ALPHA[:3], GAMMA[:2], []), None, 5)

    alone = staged.recommend(ask(GAMMA[:2], padding=3), None, 8)

    assert together.item_ids[1].tolist() == alone.item_ids[0, :5].tolist()
    np.testing.assert_allclose(together.scores[1], alone.scores[0, :5], atol=1e-4)
