"""Experts and gates, by hand."""

import numpy as np
import pytest

from pipelines.models.engine import tf
from pipelines.models.multitask.experts import Experts

SEEN = tf.constant([[1.0, -2.0, 0.5], [0.0, 3.0, 1.0]])


@pytest.fixture
def mixture():
    tf.keras.utils.set_random_seed(1)
    experts = Experts(n_experts=3, n_tasks=2, dim=4, dropout=0.0)
    experts(SEEN)
    return experts


def test_shared_bottom_is_one_network_for_all_tasks():
    experts = Experts(n_experts=1, n_tasks=3, dim=4, dropout=0.0)

    first, second, third = experts(SEEN)

    np.testing.assert_array_equal(first, second)
    np.testing.assert_array_equal(first, third)
    assert len(experts.trainable_variables) == 4  # two layers, and no gate


def test_each_task_reads_the_experts_in_its_own_shares(mixture):
    outputs = [
        last(first(SEEN)).numpy()
        for first, last in zip(mixture.hidden, mixture.to_output, strict=True)
    ]

    by_task = mixture(SEEN)

    shares = mixture.shares(SEEN).numpy()
    np.testing.assert_allclose(shares.sum(axis=2), 1.0, rtol=1e-6)
    wanted = [sum(shares[:, task, i, None] * outputs[i] for i in range(3)) for task in range(2)]
    np.testing.assert_allclose(by_task, wanted, rtol=1e-5)
    assert np.abs(by_task[0] - by_task[1]).max() > 0.01


def test_gate_that_is_sure_reads_one_expert_alone(mixture):
    mixture.expert_gates[1].bias.assign([-50.0, 50.0, -50.0])

    by_task = mixture(SEEN)

    np.testing.assert_allclose(by_task[1], mixture.to_output[1](mixture.hidden[1](SEEN)), rtol=1e-5)
