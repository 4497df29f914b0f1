"""The shared signatures over a scorer whose numbers are written by hand."""

import numpy as np
import pytest

from pipelines.models.engine import tf
from pipelines.models.serving import (
    Answer,
    Recommender,
    Scorer,
    Shape,
    StagedScorer,
    Stages,
    constant,
)

SCORES = np.array([[1.0, 3.0, 3.0, 2.0], [40.0, 30.0, 20.0, 10.0]], dtype=np.float32)


class FixedScorer(Scorer):
    """Two tasks; the second is a head that predicts a hundredth of its score."""

    def __init__(self):
        super().__init__()
        self.vectors = constant(np.array([[1, 0], [0, 2], [0, 1], [1, 1]], dtype=np.float32))

    def answer(self, query):
        batch = tf.shape(query.now)[0]
        components = tf.tile(SCORES[None], [batch, 1, 1])
        return Answer(components, components[:, 1, :, None] / 100.0)


@pytest.fixture(scope="module")
def signatures():
    shape = Shape(["10", "9", "a", "z"], 1, 2, [1.0, 0.0])
    return Recommender(FixedScorer(), shape).signatures()


def recommend(signatures, allow=None, weights=None, k=3):
    return signatures["recommend"](
        *_query(),
        tf.zeros([1, 0], tf.bool) if allow is None else tf.constant([allow]),
        tf.zeros([1, 0]) if weights is None else tf.constant([weights]),
        tf.constant(k),
    )


def test_equal_scores_stand_in_manifest_order(signatures):
    answer = recommend(signatures)

    assert answer["item_ids"].numpy().tolist() == [[b"9", b"a", b"z"]]
    assert answer["scores"].numpy().tolist() == [[3.0, 3.0, 2.0]]
    np.testing.assert_allclose(answer["predictions"].numpy()[0, :, 0], [0.3, 0.2, 0.1])


def test_given_weights_replace_those_of_the_manifest(signatures):
    answer = recommend(signatures, weights=[1.0, 0.1])

    # 1 + 4, 3 + 3, 3 + 2, 2 + 1: the tie of 10 and a goes to 10, which comes first
    assert answer["item_ids"].numpy().tolist() == [[b"9", b"10", b"a"]]
    np.testing.assert_allclose(answer["scores"].numpy(), [[6.0, 5.0, 5.0]])


def test_fewer_allowed_items_than_k_leave_the_end_empty(signatures):
    answer = recommend(signatures, allow=[False, False, False, True], k=2)

    assert answer["item_ids"].numpy().tolist() == [[b"z", b""]]
    assert answer["scores"].numpy().tolist() == [[2.0, -np.inf]]
    assert np.isnan(answer["predictions"].numpy()[0, 1]).all()


@pytest.mark.parametrize("width", [1, 3, 5])
def test_allow_of_another_width_than_the_catalogue_is_refused(signatures, width):
    with pytest.raises(tf.errors.InvalidArgumentError):
        recommend(signatures, allow=[True] * width)


@pytest.mark.parametrize("width", [1, 3])
def test_weights_of_another_number_than_the_tasks_are_refused(signatures, width):
    with pytest.raises(tf.errors.InvalidArgumentError):
        recommend(signatures, weights=[1.0] * width)


def test_similar_items_are_ordered_by_cosine(signatures):
    answer = signatures["similar"](tf.constant(["9"]), tf.constant(3))

    # of (0, 2): (0, 1) has cosine 1, (1, 1) has 1 / sqrt 2, (1, 0) has 0
    assert answer["item_ids"].numpy().tolist() == [[b"a", b"z", b"10"]]
    np.testing.assert_allclose(answer["scores"].numpy(), [[1.0, 0.5**0.5, 0.0]], atol=1e-6)


def test_non_linear_family_has_no_explanation(signatures):
    assert sorted(signatures) == ["item_vectors", "rank", "recommend", "similar"]


def _query():
    texts = tf.constant([["9"]])
    history = (texts, tf.constant([["click"]]), tf.constant([[1.0]]), tf.constant([[1]], tf.int64))
    return (*history, tf.constant([["30"]]), tf.constant([2], tf.int64))


class TwoStages(StagedScorer):
    """The same numbers as `FixedScorer`, retrieved by its first task, three at a time."""

    n_candidates = 3

    def __init__(self):
        super().__init__()
        self.vectors = FixedScorer().vectors

    def stages(self, query):
        batch = tf.shape(query.now)[0]
        scores = tf.tile(SCORES[None], [batch, 1, 1])

        def answer(items):
            components = tf.gather(scores, items, axis=2, batch_dims=1)
            return Answer(components, components[:, 1, :, None] / 100.0)

        return Stages(scores[:, 0], answer)


@pytest.fixture(scope="module")
def staged():
    shape = Shape(["10", "9", "a", "z"], 1, 2, [1.0, 0.0])
    return Recommender(TwoStages(), shape).signatures()


def test_only_what_was_retrieved_is_ranked(staged):
    """By the second task alone "10" is best, but retrieval has it last of four."""
    answer = recommend(staged, weights=[0.0, 1.0])

    assert answer["item_ids"].numpy().tolist() == [[b"9", b"a", b"z"]]
    assert answer["scores"].numpy().tolist() == [[30.0, 20.0, 10.0]]
    np.testing.assert_allclose(answer["predictions"].numpy()[0, :, 0], [0.3, 0.2, 0.1])


def test_what_is_not_allowed_takes_no_place_among_the_retrieved(staged):
    answer = recommend(staged, allow=[True, False, True, True], weights=[0.0, 1.0])

    assert answer["item_ids"].numpy().tolist() == [[b"10", b"a", b"z"]]


@pytest.mark.parametrize("weights", [None, [1.0, 0.1], [0.0, 1.0]])
def test_first_of_a_longer_slate_are_the_shorter_slate_when_staged(staged, weights):
    longer, shorter = (recommend(staged, weights=weights, k=k) for k in (4, 2))

    assert longer["item_ids"].numpy()[0, :2].tolist() == shorter["item_ids"].numpy()[0].tolist()
    assert longer["item_ids"].numpy()[0, 3] == b""


@pytest.mark.parametrize("weights", [None, [1.0, 0.1], [0.0, 1.0]])
def test_stages_that_hold_all_allowed_answer_as_one(signatures, staged, weights):
    allow = [True, True, False, True]

    whole, two = (recommend(each, allow, weights) for each in (signatures, staged))

    assert whole["item_ids"].numpy().tolist() == two["item_ids"].numpy().tolist()
    np.testing.assert_allclose(whole["scores"], two["scores"])
    np.testing.assert_allclose(whole["predictions"], two["predictions"])


def test_rank_scores_as_recommend_does_though_an_item_was_not_retrieved(staged):
    items = [["z", "10", "no item"]]

    ranked = staged["rank"](*_query(), tf.constant([[1.0, 0.1]]), tf.constant(items))

    # 2 + 1, 1 + 4
    np.testing.assert_allclose(ranked["scores"], [[3.0, 5.0, -np.inf]])
    np.testing.assert_allclose(ranked["predictions"][0, :2, 0], [0.1, 0.4])
