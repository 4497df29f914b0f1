"""What runs inside the graph, against its twin in NumPy and by hand."""

import numpy as np
import pytest

from pipelines.descriptors import AtLeast, BinaryTask, RegressionTask, Rule
from pipelines.models.engine import tf
from pipelines.models.multitask.encoders import ProfileEncoder
from pipelines.models.multitask.labels import UserNumbers
from pipelines.models.multitask.model import (
    labelled_loss,
    ranking_task,
)
from pipelines.models.multitask.towers import Inputs
from pipelines.models.statistics import HeadMeans
from pipelines.models.tasks import labels

KINDS = ["buy", "view"]
TASKS = [
    BinaryTask(name="like", kind="binary", label=Rule(value=AtLeast(at_least=4.0))),
    BinaryTask(name="bought", kind="binary", label=Rule(event="buy")),
    BinaryTask(
        name="good_buy", kind="binary", label=Rule(event="buy", value=AtLeast(at_least=4.0))
    ),
    BinaryTask(name="never", kind="binary", label=Rule(event="lend")),
    RegressionTask(name="stars", kind="regression", label="value"),
]


def test_labels_in_the_graph_equal_those_in_numpy():
    random = np.random.default_rng(1)
    events = random.choice(np.array(KINDS, dtype=object), 40)
    values = random.choice(np.array([np.nan, 1, 4, 5], dtype=np.float32), 40)
    means = HeadMeans(np.zeros((3, len(TASKS))), np.zeros(len(TASKS)))
    inputs = _inputs(kinds=[[KINDS.index(event) + 1 for event in events]], values=[values.tolist()])

    got, known = UserNumbers(TASKS, KINDS, means).labels(inputs)

    wanted = [labels(task, events, values) for task in TASKS]
    np.testing.assert_array_equal(known[0], np.stack([each.known for each in wanted], axis=1))
    np.testing.assert_array_equal(
        got[0] * known[0], np.stack([each.values * each.known for each in wanted], axis=1)
    )


@pytest.mark.parametrize("task", [TASKS[0], TASKS[-1]], ids=["binary", "regression"])
def test_unlabelled_interactions_make_a_head_learn_no_less(task):
    ranking = ranking_task(task)
    labels, raw = tf.constant([1.0, 0.0, 1.0, 0.0]), tf.constant([0.5, -2.0, 9.0, 9.0])

    half = labelled_loss(ranking, labels, raw, tf.constant([1.0, 1.0, 0.0, 0.0]))
    alone = labelled_loss(ranking, labels[:2], raw[:2], tf.ones(2))
    none = labelled_loss(ranking, labels, raw, tf.zeros(4))

    np.testing.assert_allclose(half, alone, rtol=1e-6)
    assert float(alone) == float(ranking(labels[:2, None], raw[:2, None]))
    assert float(none) == 0.0


def test_profile_texts_of_any_kind_become_codes():
    ages = [str(age) for age in range(20, 60)]
    values = np.array([[age, "M"] for age in ages] + [["", "unique"]], dtype=object)
    encoder = ProfileEncoder({"age": "number", "gender": "category"}, values)

    codes = encoder(tf.constant([["21", "M"], ["59.5", "F"], ["-1e9", "unique"], ["", ""]])).numpy()

    # ages have 16 ranges, codes 1 to 16; "M" is the only value that five users carry
    assert codes.tolist() == [[1, 17], [16, 0], [0, 0], [0, 0]]
    assert encoder.size == 18


def _inputs(kinds, values):
    kinds = np.array(kinds)
    return Inputs(
        items=tf.zeros(kinds.shape, tf.int32),
        is_event=tf.ones(kinds.shape, tf.bool),
        kinds=tf.constant(kinds, tf.int32),
        values=tf.constant(values, tf.float32),
        timestamps=tf.zeros(kinds.shape, tf.int64),
        profile=tf.zeros([len(kinds), 0], tf.int32),
        now=tf.zeros([len(kinds)], tf.int64),
    )
