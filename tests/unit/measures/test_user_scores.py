import pytest

from pipelines.measures.protocols import Questions, window
from pipelines.measures.scores import Window
from pipelines.measures.user_scores import user_difference, user_estimates, user_paired, user_sliced
from tests.unit.small_tables import FixedOrder, make_data

ITEMS = ["1", "2", "3", "4"]
ROWS = [
    ("a", 1, "1", 5.0),
    ("a", 9, "2", 4.0),
    ("a", 11, "4", 2.0),
    ("d", 9, "4", 3.0),
]


@pytest.fixture
def asked():
    data = make_data(ROWS, ITEMS, validation_cut=5, test_cut=9)
    return Window(data, data.window("test"), k=2, samples=50, seed=1)


def answers(model, asked):
    return window(model, Questions(asked.data, asked.rows, asked.k, 10))


def test_figures_are_those_worked_out_by_hand(asked):
    found = user_estimates(answers(FixedOrder(ITEMS), asked), asked)

    # a has seen 1: slate 2, 3 against 2 and 4; d: slate 1, 2 against 4
    values = {name: estimate.value for name, estimate in found.items()}
    assert values["hr_at_2"] == 0.5
    assert values["precision_at_2"] == 0.25
    assert values["recall_at_2"] == values["map_at_2"] == 0.25
    assert values["mrr_at_2"] == 0.5
    # a: DCG 1 of an ideal 1 + 1/log2(3) = 1.630930
    assert values["ndcg_at_2"] == pytest.approx(0.5 / 1.630930, abs=1e-6)
    assert values["coverage_at_2"] == 0.75


def test_every_figure_counts_users(asked):
    found = user_estimates(answers(FixedOrder(ITEMS), asked), asked)

    assert {(e.n_events, e.n_users) for e in found.values()} == {(2, 2)}


def test_slices_are_groups_of_users_as_the_window_begins(asked):
    found = user_sliced(answers(FixedOrder(ITEMS), asked), asked)

    hits = {name: (e["hr_at_2"].value, e["hr_at_2"].n_users) for name, e in found.items()}
    assert hits == {
        "history:0": (0, 1),
        "history:1-4": (1, 1),
        "gender:F": (1, 1),
        "gender:M": (0, 1),
    }


def test_pairs_are_named_first_minus_second(asked):
    models = {"x": FixedOrder(ITEMS), "y": FixedOrder(["4", "3", "2", "1"])}

    found = user_paired({name: answers(model, asked) for name, model in models.items()}, asked)

    # y: a gets 4, 3 (a hit, at the first place), d gets 4, 3 (a hit)
    assert list(found) == ["x-y"]
    assert found["x-y"]["hr_at_2"].difference == -0.5
    assert found["x-y"]["hr_at_2"].n_users == 2


def test_equal_answers_differ_by_nothing(asked):
    one, other = (answers(FixedOrder(ITEMS), asked) for _ in range(2))

    found = user_difference(one, other, asked)

    assert {(gap.difference, gap.low, gap.high) for gap in found.values()} == {(0, 0, 0)}
