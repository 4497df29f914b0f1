"""How much is asked for where equal scores reach beyond a slate."""

import numpy as np
import pytest

from pipelines.measures import asking, ties
from pipelines.models.artifact import Slates
from tests.unit.small_tables import make_data, make_manifest

N_ITEMS = 300
ITEMS = [f"{item:03}" for item in range(N_ITEMS)]


class Stairs:
    """Scores that fall by one after the given number of items, and then stay.

    Args:
        n_equal: Items of the highest score.
    """

    def __init__(self, n_equal):
        self.manifest = make_manifest(ITEMS)
        self.scores = np.where(np.arange(N_ITEMS) < n_equal, 2.0, 1.0).astype(np.float32)
        self.widths = []

    def recommend(self, queries, allow, k):
        self.widths.append(k)
        n_rows = len(queries.now)
        ids = np.tile(np.array(ITEMS[:k], dtype=object), (n_rows, 1))
        scores = np.tile(self.scores[:k], (n_rows, 1))
        return Slates(ids, scores, np.zeros((n_rows, k, 2), dtype=np.float32))


@pytest.fixture
def queries():
    data = make_data([("a", 1, "000", 5.0), ("b", 2, "001", 4.0)], ITEMS, None, 10)
    return data.queries(np.array([0, 1]), 5, [])


@pytest.mark.parametrize(
    ("n_equal", "widths"),
    [
        pytest.param(1, [2], id="nothing ties with the one shown"),
        pytest.param(2, [2, 16], id="the next one does"),
        pytest.param(16, [2, 16, 128], id="as far as was looked"),
        pytest.param(129, [2, 16, 128, 300], id="to the end of the catalogue"),
        pytest.param(300, [2, 16, 128, 300], id="all"),
    ],
)
def test_more_is_asked_for_until_the_tie_ends_and_equals_are_drawn_from_all(
    monkeypatch, queries, n_equal, widths
):
    monkeypatch.setattr(asking, "WIDER", 8)
    model, seeds = Stairs(n_equal), np.array([3, 4])

    shown = asking.show(model, queries, None, 1, seeds)

    assert model.widths == widths
    assert shown.served.tolist() == [[0], [0]]
    everything = np.tile(np.arange(N_ITEMS), (2, 1)), np.tile(model.scores, (2, 1)), seeds
    assert shown.drawn.tolist() == ties.drawn(*everything)[:, :1].tolist()


def test_long_orders_are_asked_for_in_parts(monkeypatch, queries):
    monkeypatch.setattr(asking, "MAX_PLACES", N_ITEMS)
    model = Stairs(N_ITEMS)

    asking.show(model, queries, None, 10, np.array([3, 4]))

    assert model.widths == [11, N_ITEMS, N_ITEMS]
