import numpy as np
import pandas as pd
import pytest

from pipelines.prepare.features import as_text, profiles, typed_items


def make_users(*rows: tuple[str, float, str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["user_id", "age", "city"])


def test_an_event_reads_the_newest_snapshot_of_its_own_or_an_earlier_partition():
    interactions = pd.DataFrame(
        {"user_id": ["a", "a", "a", "b"], "key": ["2001-01-01", "2001-01-08", "2001-01-15", "x"]}
    )
    snapshots = [
        ("2001-01-08", make_users(("a", 31, "Kraków"))),
        ("2001-01-01", make_users(("a", 30, "Oslo"))),
    ]

    found = profiles(interactions, snapshots, {"age": "number", "city": "category"})

    assert list(found["profile_age"]) == ["30", "31", "31", ""]
    assert list(found["profile_city"]) == ["Oslo", "Kraków", "Kraków", ""]


def test_a_snapshot_of_the_future_is_not_read():
    interactions = pd.DataFrame({"user_id": ["a"], "key": ["2001-01-01"]})

    found = profiles(
        interactions, [("2001-01-08", make_users(("a", 31, "Oslo")))], {"age": "number"}
    )

    assert list(found["profile_age"]) == [""]


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (24.0, "number", "24"),
        (0.5, "number", "0.5"),
        (float("nan"), "number", ""),
        (None, "category", ""),
        ("007", "category", "007"),
        (["b", "a"], "tags", "b|a"),
        (None, "tags", ""),
        (pd.Timestamp("1970-01-01T00:00:01Z"), "timestamp", "1000000"),
    ],
)
def test_a_profile_value_is_written_as_a_request_writes_it(value, kind, text):
    assert as_text(value, kind) == text


def test_item_features_are_typed_by_their_kind():
    items = pd.DataFrame(
        {"item_id": ["1", "2"], "title": ["A", None], "year": [1999, None], "genres": [["x"], None]}
    )

    found = typed_items(items, {"title": "text", "year": "number", "genres": "tags"})

    assert list(found["title"]) == ["A", ""]
    assert found["year"].dtype == np.float32
    assert np.isnan(found["year"][1])
    assert list(found["genres"]) == [["x"], []]
