import pandas as pd

from pipelines.prepare.vocabulary import catalogue, item_rows


def test_the_catalogue_is_sorted_as_text_with_each_item_once():
    snapshot = pd.DataFrame({"item_id": ["9", "10", "-7", "10"], "title": ["n", "t", "m", "again"]})

    found = catalogue(snapshot)

    assert list(found["item_id"]) == ["-7", "10", "9"]
    assert list(found["title"]) == ["m", "t", "n"]


def test_an_item_outside_the_catalogue_has_no_row():
    rows = item_rows(pd.Series(["10", "gone", "-7"]), pd.Series(["-7", "10", "9"]))

    assert list(rows) == [1, -1, 0]
