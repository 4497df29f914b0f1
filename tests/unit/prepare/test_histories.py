import pandas as pd

from pipelines.prepare.histories import in_order, starts


def make_interactions(*rows: tuple[str, int, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user_id", "timestamp", "event_id"])


def test_rows_are_sorted_by_user_then_instant_then_event_id():
    frame = make_interactions(("b", 1, "x"), ("a", 2, "z"), ("a", 2, "y"), ("a", 1, "w"))

    assert list(in_order(frame)["event_id"]) == ["w", "y", "z", "x"]


def test_a_history_ends_before_the_page_and_starts_with_the_user():
    frame = make_interactions(
        ("a", 1, "1"), ("a", 2, "2"), ("a", 2, "3"), ("a", 5, "4"), ("b", 5, "5"), ("b", 5, "6")
    )

    found = starts(frame)

    # rows 1 and 2 are one page: neither sees the other; user b never sees a row of user a,
    # although the instant is the same
    assert list(found.user) == [0, 0, 0, 0, 4, 4]
    assert list(found.page) == [0, 1, 1, 3, 4, 4]


def test_no_interactions_have_no_histories():
    found = starts(make_interactions())

    assert len(found.user) == len(found.page) == 0
