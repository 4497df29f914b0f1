"""Golden requests: what counts as the same answer."""

from dataclasses import replace

import numpy as np
import pytest

from pipelines.models.golden import (
    LONGER,
    LONGEST,
    Expected,
    answered,
    differences,
    make_requests,
    to_allow,
    to_queries,
)
from tests.unit.models.small_data import make_data

WANTED = Expected(
    n_items=3,
    item_ids=["a", "b", "c"],
    scores=[2.0, 1.00001, 1.0],
    predictions=[[0.5], [0.4], [0.3]],
)


def test_equal_answers_have_no_differences():
    assert differences(WANTED, WANTED) == []


def test_items_within_the_tolerance_may_change_places():
    got = WANTED.model_copy(
        update={"item_ids": ["a", "c", "b"], "predictions": [[0.5], [0.3], [0.4]]}
    )

    assert differences(WANTED, got) == []


def test_another_order_is_told_by_its_place():
    got = WANTED.model_copy(
        update={"item_ids": ["b", "a", "c"], "predictions": [[0.4], [0.5], [0.3]]}
    )

    assert differences(WANTED, got) == ["place 1 holds another item", "place 2 holds another item"]


def test_another_score_is_told_with_both_values():
    got = WANTED.model_copy(update={"scores": [2.5, 1.00001, 1.0]})

    assert "score 1 is 2.500000 for 2.000000" in differences(WANTED, got)


def test_another_prediction_is_told():
    got = WANTED.model_copy(update={"predictions": [[0.5], [0.4], [0.9]]})

    assert differences(WANTED, got) == ["predictions at place 3 differ"]


def test_another_number_of_items_is_told_though_the_listed_ones_agree():
    got = WANTED.model_copy(update={"n_items": 4})

    assert differences(WANTED, got) == ["4 items for 3"]


# of six items four are listed: places 1, 2 and 5, 6
LONG = Expected(
    n_items=6,
    item_ids=["a", "b", "e", "f"],
    scores=[9.0, 8.0, 5.0, 4.0],
    predictions=[[0.1]] * 4,
)


@pytest.mark.parametrize("place", [1, 2, 3], ids=["end of the head", "start of the tail", "last"])
def test_unlisted_item_may_stand_where_the_list_breaks_off(place):
    ids = [*LONG.item_ids[:place], "unlisted", *LONG.item_ids[place + 1 :]]

    assert differences(LONG, LONG.model_copy(update={"item_ids": ids})) == []


def test_unlisted_item_may_stand_nowhere_else():
    got = LONG.model_copy(update={"item_ids": ["unlisted", "b", "e", "f"]})

    assert differences(LONG, got) == ["place 1 holds another item"]


class Answer:
    """Slates of one row."""

    def __init__(self, item_ids, scores, predictions):
        self.item_ids = np.array([item_ids], dtype=object)
        self.scores = np.array([scores], dtype=np.float32)
        self.predictions = np.array([predictions], dtype=np.float32)


def answer_of(n_items, k):
    """A slate whose places are named, the end empty."""
    filled = [f"place {place}" for place in range(n_items)]
    empty = k - n_items
    return Answer(
        [*filled, *[""] * empty],
        [*range(n_items, 0, -1), *[-np.inf] * empty],
        [*[[0.5]] * n_items, *[[np.nan]] * empty],
    )


def expected_of(answer, k):
    request = make_requests(make_data([("u", "a", 1, 5.0)]), max_history=2, now=10)[0]
    return answered(request.model_copy(update={"k": k}), answer, 0).expected


def test_long_answer_is_written_as_its_first_and_last_ten_items():
    expected = expected_of(answer_of(50, 50), 50)

    assert expected.n_items == 50
    assert expected.item_ids == [f"place {place}" for place in [*range(10), *range(40, 50)]]
    assert expected.scores == [*range(50, 40, -1), *range(10, 0, -1)]


@pytest.mark.parametrize("n_items", [0, 1, 19, 20])
def test_short_answer_is_written_whole_without_its_empty_end(n_items):
    expected = expected_of(answer_of(n_items, 20), 20)

    assert expected.item_ids == [f"place {place}" for place in range(n_items)]
    assert (expected.n_items, len(expected.scores)) == (n_items, n_items)


@pytest.mark.parametrize(
    ("item_id", "score", "prediction"),
    [("a", -np.inf, np.nan), ("", 1.0, np.nan), ("", -np.inf, 0.5)],
    ids=["id", "score", "prediction"],
)
def test_empty_place_that_holds_something_is_no_empty_place(item_id, score, prediction):
    wanted = expected_of(answer_of(0, 1), 1)

    got = expected_of(Answer([item_id], [score], [[prediction]]), 1)

    assert differences(wanted, got) == ["1 items for 0"]


def test_requests_cover_all_kinds_and_hold_no_user():
    data = make_data([("p1_secret", "a", 1, 5.0), ("p1_secret", "b", 2, None)])

    requests = make_requests(data, max_history=4, now=10)

    lengths = {len(request.history) for request in requests}
    assert {0, 1, 4, 24} <= lengths
    assert {1, 3} <= {request.k for request in requests}
    assert {request.allow for request in requests} == {"all", "none"}
    assert any(not request.profile for request in requests)
    assert "p1_secret" not in str(requests)
    assert all(event.timestamp < 10 for request in requests for event in request.history)


def shown_profile(kind, values):
    """The profile of golden requests where each user says one of `values`, each twice."""
    rows = [
        (f"u{user:02d}", "a", instant, 5.0) for user in range(len(values)) for instant in (1, 2)
    ]
    data = make_data(rows)
    said = data.interactions.assign(profile_age=np.repeat(values, 2))
    prepared = data.prepared.model_copy(update={"profile_fields": {"age": kind}})
    requests = make_requests(replace(data, prepared=prepared, interactions=said), 2, now=10)
    return {value for request in requests for value in request.profile.values()}


@pytest.mark.parametrize(
    ("kind", "n_users", "expected"),
    [("category", 5, {"x"}), ("category", 4, set()), ("number", 5, {"x"}), ("text", 5, set())],
)
def test_profile_value_is_shown_when_five_users_share_it_and_it_is_no_text(kind, n_users, expected):
    assert shown_profile(kind, ["x"] * n_users + ["y", ""]) == expected


def test_profile_value_of_one_busy_user_is_not_shown():
    data = make_data([("u", "a", instant, 5.0) for instant in range(1, 9)])

    requests = make_requests(data, max_history=2, now=10)

    assert not any(request.profile for request in requests)


def test_longest_history_is_the_newest_part_of_the_longer_one():
    requests = make_requests(make_data([("u", "a", 1, 5.0)]), max_history=4, now=10)
    histories = {request.name: request.history for request in requests}

    assert histories[LONGEST] == histories[LONGER][-4:]


def test_model_without_history_is_asked_for_its_longest_one_of_none():
    requests = make_requests(make_data([("u", "a", 1, 5.0)]), max_history=0, now=10)

    assert {request.name: request.history for request in requests}[LONGEST] == []


def test_nothing_is_allowed_where_all_items_are_excluded():
    requests = make_requests(make_data([("u", "a", 1, 5.0)]), max_history=4, now=10)

    allow = to_allow(requests, 3)

    assert allow.shape == (len(requests), 3)
    assert [bool(row.any()) for row in allow] == [request.allow == "all" for request in requests]


def test_requests_become_one_batch_padded_in_front():
    requests = make_requests(make_data([("u", "a", 1, 5.0)]), max_history=2, now=10)

    queries = to_queries(requests, ["age"])

    empty = [request.name for request in requests].index("empty history")
    assert queries.histories.item_ids.shape == (len(requests), 22)
    assert (queries.histories.item_ids[empty] == "").all()
    assert np.isnan(queries.histories.values[empty]).all()
    assert queries.histories.item_ids[:, -1].tolist().count("") == 2
