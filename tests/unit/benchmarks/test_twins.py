import numpy as np
import pytest

from benchmarks.twins import compare
from pipelines.measures.protocols import Questions, live
from pipelines.measures.scores import Window
from tests.unit.small_tables import FixedOrder, make_data

ITEMS = ["1", "2", "3", "4"]
ROWS = [("a", 1, "1", 5.0), ("a", 9, "2", 4.0), ("d", 9, "4", 3.0), ("d", 11, "1", 5.0)]
GOOD = {"1": (0.9, 5.0), "2": (0.8, 4.0), "4": (0.1, 3.0)}
POOR = {"1": (0.2, 4.0), "2": (0.8, 3.0), "4": (0.5, 2.0)}


@pytest.fixture
def window():
    data = make_data(ROWS, ITEMS, validation_cut=5, test_cut=9)
    return Window(data, data.window("test"), k=2, samples=20, seed=1)


@pytest.fixture
def answers(window):
    asked = Questions(window.data, window.rows, 2, 9)
    return live(FixedOrder(ITEMS, GOOD), asked), live(FixedOrder(ITEMS[::-1], POOR), asked)


def test_retrieval_is_compared_by_the_headline(window, answers):
    (found,) = compare("retrieval", "test", answers, window)

    assert (found.task, found.metric) == ("watch", "ndcg_at_2")
    assert found.gap.value == pytest.approx(np.subtract(found.together, found.alone), abs=2e-6)


def test_a_binary_task_is_compared_by_its_ranking(window, answers):
    (found,) = compare("binary", "validation", answers, window)

    # liked 1 and 2, not 4: together both above it, alone one of two
    assert (found.task, found.window) == ("like", "validation")
    assert (found.together, found.alone, found.gap.value) == (1.0, 0.5, 0.5)


def test_a_regression_is_compared_by_its_error(window, answers):
    (found,) = compare("regression", "test", answers, window)

    assert (found.task, found.metric, found.together, found.alone) == (
        "rating",
        "rating_rmse",
        0.0,
        1.0,
    )
