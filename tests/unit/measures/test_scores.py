import numpy as np
import pytest

from pipelines.measures.protocols import Questions, live
from pipelines.measures.scores import (
    Window,
    compare,
    estimates,
    paired,
    sliced,
    user_gains,
    user_slices,
)
from tests.unit.small_tables import FixedOrder, make_data

ITEMS = ["1", "2", "3", "4"]
ROWS = [
    ("a", 1, "1", 5.0),
    ("a", 9, "2", 4.0),
    ("a", 10, "3", 2.0),
    ("d", 9, "4", 3.0),
    ("d", 11, "1", 5.0),
]
PREDICTIONS = {"1": (0.8, 5.0), "2": (0.6, 4.0), "3": (0.7, 2.0), "4": (0.1, 1.0)}


@pytest.fixture
def window():
    data = make_data(ROWS, ITEMS, validation_cut=5, test_cut=9)
    return Window(data, data.window("test"), k=2, samples=50, seed=1)


@pytest.fixture
def answers(window):
    model = FixedOrder(ITEMS, PREDICTIONS)
    return live(model, Questions(window.data, window.rows, window.k, 10))


def test_figures_are_those_worked_out_by_hand(window, answers):
    found = {name: estimate.value for name, estimate in estimates(answers, window).items()}

    # slates: a at 9 has seen 1: (2, 3), rank 1; a at 10 has seen 1, 2: (3, 4), rank 1;
    # d at 9: (1, 2), a miss; d at 11 has seen 4: (1, 2), rank 1
    assert found["hr_at_2"] == found["ndcg_at_2"] == found["mrr_at_2"] == 0.75
    assert found["coverage_at_2"] == 1.0
    # exposure of items 1 to 4: 2, 3, 2, 1, sorted 1, 2, 2, 3: (-3 - 2 + 2 + 9) / (4 * 8)
    assert found["gini_at_2"] == pytest.approx(6 / 32)
    # likes: 2 and 1 at .6 and .8 against 3 and 4 at .7 and .1: three of four pairs
    assert found["like_auc"] == 0.75
    # ratings are hit but for item 4: 1 for 3
    assert found["rating_rmse"] == 1.0


def test_a_catalogue_figure_counts_requests_and_has_no_interval(window, answers):
    coverage = estimates(answers, window)["coverage_at_2"]

    assert (coverage.low, coverage.high, coverage.n_events, coverage.n_users) == (None, None, 4, 2)


def test_pairs_are_named_first_minus_second(window):
    better, worse = np.array([1, 1, 1, 1]), np.array([0, 1, 0, 1])

    found = paired({"x": better, "y": worse}, window)

    assert list(found) == ["x-y"]
    assert found["x-y"]["hr_at_2"].difference == 0.5


def test_slices_hold_the_events_they_are_named_for(window, answers):
    found = {name: figures["hr_at_2"] for name, figures in sliced(answers, window).items()}

    assert {name: estimate.n_events for name, estimate in found.items()} == {
        "history:0": 1,
        "history:1-4": 3,
        "item:cold": 3,
        "item:head": 1,
        "gender:F": 2,
        "gender:M": 2,
    }
    assert found["history:0"].value == 0


def test_slices_of_items_are_no_slices_of_users(window):
    assert set(user_slices(window)) == {"history:0", "history:1-4", "gender:F", "gender:M"}


def test_sums_by_user_compare_as_the_events_do(window):
    ours, theirs = np.array([1, 0, 2, 1]), np.array([0, 1, 0, 1])

    found = compare(user_gains(ours, window), user_gains(theirs, window), 50, seed=1)

    wanted = window.bootstrap.difference(window.gains(ours), window.gains(theirs))
    assert found.model_dump() == pytest.approx(wanted.model_dump(), abs=2e-6)
