import pandas as pd

from pipelines.contracts.data import Rows
from pipelines.descriptors import Entities, Feature
from pipelines.identity import pseudonym
from pipelines.validate import acceptance
from pipelines.validate.decision import Sorted
from tests.unit.validate.reports import a_report

KEY = b"\x11" * 32
ALL = Sorted(3, {}, [], {})
NOW = "2026-02-02T00:00:00Z"


def judged() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "fault": "",
            "user_id": ["007", "7", "007"],
            "item_id": ["i1", "i2", "i3"],
            "timestamp": [300e6, 100e6, 200e6],
            "event": "rating",
            "value": [3.0, 4.5, None],
            "event_id": "",
        }
    )


def test_accepted_rows_are_canonical_pseudonymous_and_in_time_order() -> None:
    frame = acceptance.interactions(judged(), ALL, KEY)

    assert frame.dtypes.astype(str).to_dict() == {
        "user_id": "str",
        "item_id": "str",
        "timestamp": "datetime64[us, UTC]",
        "event": "str",
        "value": "float32",
        "event_id": "str",
    }
    assert frame["item_id"].tolist() == ["i2", "i3", "i1"]
    assert frame["user_id"].tolist() == [pseudonym(KEY, user) for user in ("7", "007", "007")]
    assert frame["value"].isna().tolist() == [False, True, False]


def test_an_event_id_depends_on_the_row_alone() -> None:
    whole = acceptance.interactions(judged(), ALL, KEY)
    part = acceptance.interactions(judged()[::-1], Sorted(3, {1: ["value-range"]}, [], {}), KEY)

    assert part["event_id"].tolist() == whole["event_id"].tolist()[1:]
    assert whole["event_id"].is_unique


def test_an_event_id_of_the_source_is_kept() -> None:
    frame = acceptance.interactions(judged().assign(event_id=["c", "", "b"]), ALL, KEY)

    assert frame["event_id"].tolist()[1:] == ["b", "c"]
    assert len(frame["event_id"].iloc[0]) == 32


def test_refused_entities_are_left_out_and_unreadable_values_are_missing() -> None:
    table = Entities(
        path="items", id="item", features=[Feature(name="year", kind="number", column="y")]
    )
    items = pd.DataFrame({"item_id": ["b", "a", ""], "year": ["1979", "V", "1"], "fault": ""})
    rows = Sorted(3, {2: ["id-missing"]}, [], {"year": [1]})

    frame = acceptance.entities(items, rows, table, "item_id")

    assert frame["item_id"].tolist() == ["a", "b"]
    assert frame["year"].isna().tolist() == [True, False]


def test_the_first_acceptance_of_a_key_has_its_plain_tag() -> None:
    accepted = [a_report(key="1998-02-23", sequence=4)]

    report = acceptance.numbered(a_report(key="1998-03-02", tag=None), accepted, NOW)

    assert (report.tag, report.revision, report.sequence) == ("data/1998-03-02", 1, 5)
    assert report.accepted_at == NOW


def test_other_content_for_an_accepted_key_is_the_next_revision() -> None:
    accepted = [a_report(sequence=1), a_report(key="1998-03-09", sequence=2)]

    report = acceptance.numbered(a_report(landing_digest="f" * 64), accepted, NOW)

    assert (report.tag, report.revision, report.sequence) == ("data/1998-03-02.r2", 2, 3)


def test_the_same_landing_with_the_same_outcome_stays_the_version_that_it_is() -> None:
    accepted = [a_report(sequence=1), a_report(key="1998-03-09", sequence=2)]

    again = acceptance.numbered(a_report(tag=None, sequence=None), accepted, NOW)
    stricter = acceptance.numbered(
        a_report(tables={"interactions": Rows(read=200, accepted=1, quarantined=199, dropped=0)}),
        accepted,
        NOW,
    )

    assert again == accepted[0]
    assert stricter.revision == 2
