"""The conditional logit: known answers, and what its bounds promise."""

import numpy as np
import pytest

from pipelines.models.blend.choice import Choices, fit_weights


def draw(weights, n_choosers=10_000, n_alternatives=6, seed=3):
    """Choices drawn by the model itself."""
    random = np.random.default_rng(seed)
    features = random.normal(size=(n_choosers, n_alternatives, len(weights)))
    noise = random.gumbel(size=(n_choosers, n_alternatives))
    best = (features @ np.array(weights) + noise).argmax(axis=1)
    starts = np.arange(n_choosers) * n_alternatives
    flat = features.reshape(-1, len(weights)).astype(np.float32)
    return Choices(flat, starts, starts + best)


def test_weights_that_drew_the_choices_are_found():
    found = fit_weights(draw([0.5, 2.0, 1.0]), l2=1e-6)

    np.testing.assert_allclose(found, [0.5, 2.0, 1.0], atol=0.1)


def test_two_alternatives_give_the_log_odds():
    """Three of four choose the item with the higher feature: the weight is log 3."""
    features = np.tile(np.array([[1.0], [0.0]], dtype=np.float32), (4, 1))
    choices = Choices(features, np.array([0, 2, 4, 6]), np.array([0, 2, 4, 7]))

    assert fit_weights(choices, l2=1e-9) == pytest.approx([np.log(3)], abs=1e-3)


def test_a_score_that_misleads_weighs_nothing():
    found = fit_weights(draw([1.0, -1.0]), l2=1e-6)

    assert found[1] == 0.0
    assert found[0] > 0.5


def test_evenly_sampled_alternatives_give_nearly_the_same_weights():
    whole = draw([0.5, 2.0], n_alternatives=40)
    random, n = np.random.default_rng(5), len(whole.starts)
    kept, chosen, starts, size = [], [], [], 0
    for start, best in zip(whole.starts, whole.chosen, strict=True):
        others = np.setdiff1d(np.arange(start, start + 40), [best])
        kept.append(np.append(best, random.choice(others, 12, replace=False)))
        chosen.append(size)
        starts.append(size)
        size += 13
    sampled = Choices(whole.features[np.concatenate(kept)], np.array(starts), np.array(chosen))

    np.testing.assert_allclose(fit_weights(sampled, 1e-6), fit_weights(whole, 1e-6), atol=0.15)
    assert n == len(sampled.starts)


def test_several_choices_of_one_chooser_count_each():
    once = Choices(np.array([[1.0], [0.0], [0.5]], dtype=np.float32), np.array([0]), np.array([0]))
    twice = Choices(once.features, once.starts, np.array([0, 1]))

    assert fit_weights(twice, 0.01)[0] < fit_weights(once, 0.01)[0]
