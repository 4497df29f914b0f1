import numpy as np
import pandas as pd

from pipelines.descriptors import Columns, Entities, Feature, Interactions, Scale
from pipelines.validate import frames

TABLE = Interactions(
    path="rows",
    columns=Columns(user_id="u", item_id="i", timestamp="t", value="v"),
    timestamp_unit="seconds",
    event="rating",
    value_scale=Scale(minimum=1.0, maximum=5.0),
)
ENTITIES = Entities(
    path="items",
    id="item",
    features=[
        Feature(name="title", kind="text", column="t"),
        Feature(name="year", kind="number", column="y", missing=["unknown"]),
        Feature(name="genres", kind="tags", column="g", separator=" "),
    ],
)


def landed(*rows: tuple[str, str, str, str], fault: int | None = None) -> pd.DataFrame:
    columns = ["user_id", "item_id", "value", "timestamp"]
    frame = pd.DataFrame(rows, columns=columns, dtype="str").assign(event="rating", fault="")
    if fault is not None:
        frame.loc[fault, "fault"] = "field-count"
    return frame


def judged(*rows: tuple[str, str, str, str], fault: int | None = None) -> pd.DataFrame:
    return frames.interactions(landed(*rows, fault=fault), TABLE, {"i1", "i2"}, {"u1"})


def test_what_cannot_be_cast_stays_visible() -> None:
    frame = judged(("u1", "i1", "3", "100"), ("u1", "i1", "x", "soon"), ("u1", "i1", "", ""))

    assert frame["value_kind"].tolist() == ["number", "text", "missing"]
    assert frame["is_time"].tolist() == [True, False, False]
    assert frame["timestamp"].iloc[0] == 100e6
    assert frame["timestamp"].iloc[1:].isna().all()


def test_infinite_and_nan_values_are_told_from_text() -> None:
    rows = [("u1", "i1", value, "100") for value in ("inf", "-Infinity", "NaN", "1e999", "one")]

    assert judged(*rows)["value_kind"].tolist() == ["not-finite"] * 4 + ["text"]


def test_copies_are_counted_from_the_first_and_compared_by_meaning() -> None:
    frame = judged(
        ("u1", "i1", "3", "100"),
        ("u1", "i1", "3.0", "100.0"),
        ("u1", "i1", "4", "100"),
        ("u1", "i1", "3", "100"),
    )

    assert frame["copies"].tolist() == [0, 1, 0, 2]


def test_ids_that_no_snapshot_has_are_unknown_and_empty_ones_are_not_judged_twice() -> None:
    frame = judged(("u1", "i1", "3", "1"), ("u9", "i9", "3", "1"), ("", "", "3", "1"))

    assert frame["is_item_known"].tolist() == [True, False, True]
    assert frame["is_user_known"].tolist() == [True, False, True]


def test_a_broken_line_is_judged_by_its_fault_alone() -> None:
    frame = judged(("u1", "i1", "3", "1"), ("u1", "", "", ""), fault=1)

    broken = frame.iloc[1]
    assert broken["fault"] == "field-count"
    assert broken.drop("fault").isna().all()


def test_an_event_id_with_two_contents_is_a_conflict_and_a_copy_is_none() -> None:
    text = landed(("u1", "i1", "3", "1"), ("u1", "i1", "4", "1"), ("u1", "i2", "5", "1"))
    text = pd.concat([text, text.tail(1)], ignore_index=True).assign(event_id=list("aabb"))

    frame = frames.interactions(text, TABLE, {"i1", "i2"}, {"u1"})

    assert frame["is_conflict"].tolist() == [True, True, False, False]
    assert frame["copies"].tolist() == [0, 0, 0, 1]


def test_features_get_their_types_and_what_cannot_be_read_is_missing() -> None:
    text = pd.DataFrame(
        {
            "item_id": ["i1", "i2", "i3"],
            "title": ["Alien", "", "Heat"],
            "year": ["1979", "unknown", "V"],
            "genres": ["Horror Sci-Fi", "", "Crime"],
            "fault": ["", "", ""],
        },
        dtype="str",
    )

    typed = frames.features(frames.entities(text, ENTITIES, "item_id"), ENTITIES)

    assert typed["title"].tolist() == ["Alien", "", "Heat"]
    assert typed["year"].iloc[0] == 1979.0
    assert typed["year"].dtype == np.float32
    assert typed["year"].iloc[1:].isna().all()
    assert [list(tags) for tags in typed["genres"]] == [["Horror", "Sci-Fi"], [], ["Crime"]]


def test_one_item_with_two_titles_is_a_conflict_and_a_repeated_row_is_a_copy() -> None:
    text = pd.DataFrame(
        {
            "item_id": ["i1", "i1", "i2", "i2"],
            "title": ["Alien", "Aliens", "Heat", "Heat"],
            "year": "",
            "genres": "",
            "fault": "",
        },
        dtype="str",
    )

    frame = frames.entities(text, ENTITIES, "item_id")

    assert frame["is_conflict"].tolist() == [True, True, False, False]
    assert frame["copies"].tolist() == [0, 0, 0, 1]


def test_swapped_ids_cross_and_ids_in_their_place_do_not() -> None:
    frame = pd.DataFrame({"user_id": ["1", "2"], "item_id": ["2", "3"]})

    # straight: 2 ∉ items for the first row, 3 ∈ items and 2 ∈ users for the second → 1/2;
    # crossed: users ⊇ {2}, items ⊇ {1}: the first row fits → 1/2
    assert frames.id_crossing(frame, items={"1", "3"}, users={"1", "2"}) == 0.0
    assert frames.id_crossing(frame, items={"1", "2"}, users={"2", "3"}) == 1.0
    assert frames.id_crossing(frame, items={"1", "2"}, users=None) is None


def test_unicode_twins_are_counted_and_plain_ids_are_not() -> None:
    ids = pd.Series(["é", "e\u0301", "a", "A", "ﬁ", "fi", "日本"], dtype="str")

    # e + combining accent becomes é, the ligature becomes fi
    assert frames.lookalikes(ids) == 2
