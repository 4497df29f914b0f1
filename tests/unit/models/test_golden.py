"""Golden requests: what counts as the same answer."""

import numpy as np

from pipelines.models.golden import Expected, differences, make_requests, to_queries
from tests.unit.models.small_data import make_data

WANTED = Expected(
    item_ids=["a", "b", "c"], scores=[2.0, 1.00001, 1.0], predictions=[[0.5], [0.4], [0.3]]
)


def test_equal_answers_have_no_differences():
    assert differences(WANTED, WANTED) == []


def test_items_within_the_tolerance_may_change_places():
    got = Expected(
        item_ids=["a", "c", "b"], scores=[2.0, 1.00001, 1.0], predictions=[[0.5], [0.3], [0.4]]
    )

    assert differences(WANTED, got) == []


def test_another_order_is_told_by_its_place():
    got = Expected(
        item_ids=["b", "a", "c"], scores=[2.0, 1.00001, 1.0], predictions=[[0.4], [0.5], [0.3]]
    )

    assert differences(WANTED, got) == ["place 1 holds another item", "place 2 holds another item"]


def test_another_score_is_told_with_both_values():
    got = WANTED.model_copy(update={"scores": [2.5, 1.00001, 1.0]})

    assert "score 1 is 2.500000 for 2.000000" in differences(WANTED, got)


def test_another_prediction_is_told():
    got = WANTED.model_copy(update={"predictions": [[0.5], [0.4], [0.9]]})

    assert differences(WANTED, got) == ["predictions at place 3 differ"]


def test_requests_cover_all_kinds_and_hold_no_user():
    data = make_data([("p1_secret", "a", 1, 5.0), ("p1_secret", "b", 2, None)])

    requests = make_requests(data, max_history=4, now=10)

    lengths = {len(request.history) for request in requests}
    assert {0, 1, 24} <= lengths
    assert {1, 3} <= {request.k for request in requests}
    assert any(not request.profile for request in requests)
    assert "p1_secret" not in str(requests)
    assert all(event.timestamp < 10 for request in requests for event in request.history)


def test_requests_become_one_batch_padded_in_front():
    requests = make_requests(make_data([("u", "a", 1, 5.0)]), max_history=2, now=10)

    queries = to_queries(requests, ["age"])

    empty = [request.name for request in requests].index("empty history")
    assert queries.histories.item_ids.shape == (len(requests), 22)
    assert (queries.histories.item_ids[empty] == "").all()
    assert np.isnan(queries.histories.values[empty]).all()
    assert queries.histories.item_ids[:, -1].tolist().count("") == 2
