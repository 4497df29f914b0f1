"""What interactions are not enough for."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipelines.descriptors import Descriptor
from pipelines.doctor.training import Problems, judge
from pipelines.params import Params

ROOT = Path(__file__).parents[3]


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def rows(n: int, **columns: Sequence[object]) -> pd.DataFrame:
    """Interactions at distinct times, by ten users with ten items and values 1 to 5."""
    numbers = np.arange(n)
    frame = {
        "user_id": [f"u{number % 10}" for number in numbers],
        "item_id": [f"i{number % 10}" for number in numbers],
        "timestamp": pd.to_datetime(numbers, unit="s", utc=True),
        "event": ["rating"] * n,
        "value": (numbers % 5 + 1).astype(np.float32),
    }
    return pd.DataFrame({**frame, **columns})


def judged(frame: pd.DataFrame, *overrides: str) -> Problems:
    params = Params.load(overrides=["gate.min_events=10", "gate.min_users=5", *overrides])
    return judge(frame, Descriptor.load("movielens-100k"), params)


def test_enough_data_have_no_problem() -> None:
    assert judged(rows(200)) == Problems([], [])


def test_events_at_one_instant_leave_no_earlier_window() -> None:
    constant = pd.to_datetime(np.zeros(200, np.int64), unit="s", utc=True)

    fatal = judged(rows(200, timestamp=constant)).fatal

    assert fatal == [
        "200 interactions leave no training window",
        "200 interactions leave no validation window",
    ]


@pytest.mark.parametrize(("column", "what"), [("user_id", "user"), ("item_id", "item")])
def test_one_user_or_one_item_alone_trains_nothing(column: str, what: str) -> None:
    assert f"there is only one {what}" in judged(rows(200, **{column: ["same"] * 200})).fatal


@pytest.mark.parametrize(("column", "what"), [("user_id", "user"), ("item_id", "item")])
def test_a_user_or_an_item_that_is_most_of_the_data_is_named(column: str, what: str) -> None:
    ids = ["bot"] * 120 + [f"other {number % 10}" for number in range(80)]

    (problem,) = judged(rows(200, **{column: ids}), "gate.min_users=1").partial

    assert problem.startswith(f"60% of them have one {what}")


def test_a_task_with_one_label_cannot_be_learnt() -> None:
    partial = judged(rows(200, value=np.full(200, 5, np.float32))).partial

    assert [problem.partition(":")[0] for problem in partial] == [
        "task like cannot be learnt",
        "task rating cannot be learnt",
    ]


def test_a_task_without_labels_cannot_be_learnt() -> None:
    partial = judged(rows(200, value=np.full(200, np.nan, np.float32))).partial

    assert partial[0] == "task like cannot be learnt: it has no label"


def test_a_test_window_in_which_the_gate_cannot_decide_is_told() -> None:
    (problem,) = judged(rows(200), "gate.min_events=1000").partial

    # the last tenth of 200 events, and each of them by another of the ten users, twice
    assert "20 events of 10 users, the gate wants 1000 of 5" in problem
