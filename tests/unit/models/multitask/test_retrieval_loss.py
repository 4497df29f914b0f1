"""The retrieval task's softmax, by hand, and sampled against the whole."""

import numpy as np
import pytest

from pipelines.models.engine import tf
from pipelines.models.multitask.model import Batch, CatalogueRetrieval
from pipelines.models.multitask.sampling import Sampler

N_ITEMS, SIZE = 40, 12
N_DRAWS = 4000


def make_batch(excluded, pages, targets, chances=None):
    excluded = np.array(excluded)
    n_candidates = excluded.shape[1]
    return Batch(
        inputs=None,
        fold=None,
        candidates=None,
        chances=tf.ones(n_candidates) if chances is None else tf.constant(chances, tf.float32),
        excluded=tf.constant(excluded),
        pages=tf.constant(pages),
        items=None,
        targets=tf.constant(targets),
        positive=None,
        labels=None,
        known=None,
    )


def loss_of(logits, batch, positive):
    return float(CatalogueRetrieval("watch")(tf.constant(logits, tf.float32), batch, positive))


def test_full_softmax_leaves_out_what_is_excluded():
    logits = np.log([[1.0, 2.0, 5.0], [3.0, 1.0, 4.0]])
    batch = make_batch([[False, False, True], [False, False, False]], [0, 1, 1], [1, 0, 2])

    loss = loss_of(logits, batch, tf.constant([1.0, 1.0, 0.0]))

    # page 0: 2 of 1 + 2; page 1: 3 of 3 + 1 + 4; the third interaction is not positive
    assert loss == pytest.approx(-(np.log(2 / 3) + np.log(3 / 8)) / 2, rel=1e-6)


def test_drawn_item_stands_for_all_that_might_have_been_drawn():
    logits = np.log([[1.0, 2.0, 5.0]])
    batch = make_batch([[False, False, False]], [0], [1], chances=[0.5, 0.25, 1.0])

    # 1 / 0.5 and 5 / 1 for what was drawn; the target is there for certain, and counts 2
    assert loss_of(logits, batch, tf.ones(1)) == pytest.approx(np.log((2 + 2 + 5) / 2), rel=1e-6)


def test_sample_of_all_items_is_the_full_softmax():
    random = np.random.default_rng(3)
    logits, counts = random.normal(size=(2, N_ITEMS)), random.integers(1, 99, N_ITEMS)

    drawn = Sampler(counts.astype(float), N_ITEMS).draw(random)

    np.testing.assert_array_equal(drawn.rows, np.arange(N_ITEMS))
    pages, targets, excluded = [0, 1], [5, 7], np.zeros((2, N_ITEMS), dtype=bool)
    sampled = make_batch(excluded, pages, targets, drawn.chances)
    assert loss_of(logits, sampled, tf.ones(2)) == pytest.approx(
        loss_of(logits, make_batch(excluded, pages, targets), tf.ones(2)), rel=1e-6
    )


def test_corrected_sum_is_unbiased_though_the_sample_is_skewed():
    """Would catch a missing, or a wrong, correction: what is popular is drawn far too often."""
    random = np.random.default_rng(4)
    counts = np.arange(1.0, N_ITEMS + 1) ** 2
    logits = np.log(counts) / 4 + random.normal(0.0, 0.3, N_ITEMS)
    sampler = Sampler(counts, SIZE)

    corrected, plain = _sums(sampler, logits, random)

    full = np.exp(logits).sum()
    error = 4 * corrected.std() / np.sqrt(N_DRAWS)  # four standard errors of the mean
    assert abs(corrected.mean() - full) < error
    assert error < 0.02 * full
    assert plain.mean() < 0.7 * full


def _sums(sampler, logits, random):
    """exp(loss of the target 0 + its logit) by draw: the sum in the softmax, as the task has it."""
    found = []
    for _ in range(N_DRAWS):
        drawn = sampler.draw(random)
        rest = drawn.rows[drawn.rows != 0]
        candidates = np.concatenate([[0], rest])
        weights = np.ones(len(candidates))
        weights[1:] = drawn.chances[drawn.rows != 0]
        each = np.exp(logits[candidates])
        found.append(((each / weights).sum(), each.sum()))
    return np.array(found).T


def test_loss_equals_the_sum_that_was_checked():
    """Ties the sums above to the task itself, for one draw."""
    random = np.random.default_rng(5)
    counts = np.arange(1.0, N_ITEMS + 1) ** 2
    logits, drawn = random.normal(size=N_ITEMS), Sampler(counts, SIZE).draw(random)
    candidates = np.union1d(drawn.rows, [0])
    chances = np.array([dict(zip(*drawn, strict=True)).get(item, 1.0) for item in candidates])
    batch = make_batch(np.zeros((1, len(candidates)), dtype=bool), [0], [0], chances)

    loss = loss_of(logits[None, candidates], batch, tf.ones(1))

    weights = np.where(candidates == 0, 1.0, chances)
    total = (np.exp(logits[candidates]) / weights).sum()
    assert loss == pytest.approx(np.log(total) - logits[0], rel=1e-5)
