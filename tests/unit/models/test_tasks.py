"""Rules to positives and labels."""

import numpy as np
import pytest

from pipelines.descriptors import AtLeast, BinaryTask, RegressionTask, Rule
from pipelines.models.tasks import is_positive, labels

EVENTS = np.array(["view", "buy", "buy", "view"], dtype=object)
VALUES = np.array([5.0, 4.0, np.nan, 3.0], dtype=np.float32)


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (Rule(event="buy"), [False, True, True, False]),
        (Rule(value=AtLeast(at_least=4.0)), [True, True, False, False]),
        (Rule(event="buy", value=AtLeast(at_least=4.0)), [False, True, False, False]),
    ],
    ids=["event", "value", "both"],
)
def test_rule_calls_positive_what_meets_all_of_it(rule, expected):
    assert is_positive(rule, EVENTS, VALUES).tolist() == expected


def test_binary_label_by_value_is_unknown_without_a_value():
    task = BinaryTask(name="like", kind="binary", label=Rule(value=AtLeast(at_least=4.0)))

    values, known = labels(task, EVENTS, VALUES)

    assert values.tolist() == [1, 1, 0, 0]
    assert known.tolist() == [True, True, False, True]


def test_binary_label_by_event_is_always_known():
    task = BinaryTask(name="bought", kind="binary", label=Rule(event="buy"))

    values, known = labels(task, EVENTS, VALUES)

    assert values.tolist() == [0, 1, 1, 0]
    assert known.all()


def test_regression_label_is_the_value_where_there_is_one():
    task = RegressionTask(name="stars", kind="regression", label="value")

    values, known = labels(task, EVENTS, VALUES)

    assert values.tolist() == [5, 4, 0, 3]
    assert known.tolist() == [True, True, False, True]
