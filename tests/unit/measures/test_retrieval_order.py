import numpy as np
import pytest

from pipelines.measures.retrieval_order import RetrievalOrder, is_reranked
from tests.unit.small_tables import make_data, make_manifest

ROWS = [("a", 1, "1", 5.0), ("a", 9, "2", 4.0)]


class Weighed:
    """Remembers the task weights that it is asked with."""

    def __init__(self, weights):
        self.manifest = make_manifest(["1", "2"]).model_copy(update={"task_weights": weights})
        self.told = []

    def recommend(self, queries, allow, k, task_weights):
        self.told.append(task_weights.tolist())

    def rank(self, queries, item_ids, task_weights):
        self.told.append(task_weights.tolist())


def test_all_tasks_but_retrieval_weigh_nothing():
    model = Weighed([2.0, 0.5, 0.25])
    data = make_data(ROWS, ["1", "2"], validation_cut=5, test_cut=9)
    queries = data.queries(np.array([0, 1]), 5, ["gender"])

    RetrievalOrder(model).recommend(queries, None, 1)
    RetrievalOrder(model).rank(queries, np.array([["1"], ["2"]], dtype=object))

    assert model.told == [[[2.0, 0.0, 0.0]] * 2] * 2


@pytest.mark.parametrize(
    ("weights", "expected"), [([1.0, 0.1, 0.0], True), ([1.0, 0.0, 0.0], False)]
)
def test_a_model_is_reranked_where_another_task_weighs_something(weights, expected):
    assert is_reranked(Weighed(weights).manifest) is expected
