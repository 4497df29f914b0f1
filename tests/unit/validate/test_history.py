import math

import numpy as np
import pandas as pd
import pytest

from pipelines.contracts.data import PartitionReport
from pipelines.descriptors import Columns, Interactions, Scale
from pipelines.params import Params
from pipelines.validate import history
from tests.unit.validate.reports import a_report

SCALE = Scale(minimum=1.0, maximum=5.0)
TABLE = Interactions(
    path="rows",
    columns=Columns(user_id="u", item_id="i", timestamp="t", value="v"),
    timestamp_unit="seconds",
    event="rating",
    value_scale=SCALE,
)
LIMITS = Params.load().validate_
KEYS = ["1998-03-02", "1998-03-09", "1998-03-16", "1998-03-23"]


def past(**fields: object) -> list[PartitionReport]:
    return [a_report(key=key, **fields) for key in KEYS[:3]]


def frame(n_rows: int, value: float = 3.0) -> pd.DataFrame:
    values = value + np.tile([-1.0, 1.0], n_rows // 2)
    times = 891_000_000e6 + np.arange(n_rows) * 1e6
    ids = {"user_id": np.arange(n_rows) % 10, "item_id": np.arange(n_rows) % 4}
    return pd.DataFrame(
        {"fault": "", "timestamp": times, "value": values, "has_comma": False, **ids}
    )


def test_the_past_is_the_newest_partitions_before_the_key_oldest_first() -> None:
    reports = [a_report(key=key) for key in reversed(KEYS)]

    assert [r.key for r in history.trailing(reports, KEYS[3], 2)] == KEYS[1:3]


def test_volume_is_compared_with_the_range_of_the_past() -> None:
    reports = [
        a_report(key=key, rows_read=rows, users=10, items=2)
        for key, rows in zip(KEYS[:3], (100, 400, 200), strict=True)
    ]

    facts = history.facts(frame(600), TABLE, reports, LIMITS)

    assert facts["volume_ratio"] == 1.5  # 600 / 400
    assert facts["active_users_ratio"] == 1.0
    assert facts["active_items_ratio"] == 2.0  # 4 / 2


def test_what_lies_below_the_past_is_measured_from_its_least() -> None:
    assert history.beyond(20, [100, 400]) == 0.2
    assert history.beyond(250, [100, 400]) == 1.0
    assert history.beyond(250, []) is None


def test_nothing_is_compared_before_there_is_enough_past() -> None:
    facts = history.facts(frame(600), TABLE, past()[:2], LIMITS)

    assert facts["volume_ratio"] is None
    assert facts["value_shift"] is None


def test_values_are_compared_in_standard_deviations_of_the_past() -> None:
    reports = past(value_mean=3.5, value_sd=0.5)

    facts = history.facts(frame(600, value=3.0), TABLE, reports, LIMITS)

    assert facts["value_shift"] == pytest.approx(1.0)  # (3.5 - 3.0) / 0.5
    assert facts["value_spread"] == pytest.approx(2.0)  # values 2 and 4: 1.0 / 0.5


def test_few_values_out_of_scale_say_nothing_about_the_others() -> None:
    reports = past(value_mean=3.0, value_sd=1.0)
    odd = frame(600)
    odd.loc[0, "value"] = 500.0

    facts = history.facts(odd, TABLE, reports, LIMITS)

    assert facts["value_shift"] == pytest.approx(0.0, abs=0.01)
    assert facts["value_spread"] == pytest.approx(1.0, abs=0.01)


def test_many_values_out_of_scale_are_another_scale() -> None:
    facts = history.facts(frame(600, value=30.0), TABLE, past(value_mean=3.0, value_sd=1.0), LIMITS)

    assert facts["value_shift"] == pytest.approx(27.0)  # (30 - 3) / 1


def test_equal_distributions_have_no_shift_and_moved_ones_have_the_formula_s() -> None:
    half = history.Values.of(np.array([1.0, 1.0, 5.0, 5.0]), SCALE).histogram
    moved = history.Values.of(np.array([1.0, 5.0, 5.0, 5.0]), SCALE).histogram

    same = history.facts(
        frame(60).assign(value=[1.0, 5.0] * 30),
        TABLE,
        past(value_mean=3.0, value_sd=2.0, value_histogram=half),
        LIMITS,
    )
    other = history.facts(
        frame(60).assign(value=[1.0, 5.0] * 30),
        TABLE,
        past(value_mean=3.0, value_sd=2.0, value_histogram=moved),
        LIMITS,
    )

    assert same["value_psi"] == pytest.approx(0.0)
    # p = (1/2, 1/2), q = (1/4, 3/4): (1/4) ln 2 + (-1/4) ln (2/3)
    assert other["value_psi"] == pytest.approx(0.25 * math.log(2) - 0.25 * math.log(2 / 3))


def test_milliseconds_read_as_seconds_are_recognised() -> None:
    times = frame(60).assign(timestamp=891_000_000_000e6)

    assert history.facts(times, TABLE, [], LIMITS)["unit_meant"] == "milliseconds"


def test_weeks_between_two_partitions_are_counted() -> None:
    assert history.gap("1998-03-23", past(), "week") == 0
    assert history.gap("1998-04-06", past(), "week") == 2
    assert history.gap("1998-04-06", [], "week") is None


def test_content_is_recognised_when_rows_are_shuffled_and_times_shifted() -> None:
    users = pd.Series(["p1_a", "p1_b"])
    text = pd.DataFrame({"item_id": ["i1", "i2"], "event": "rating", "value": ["3", "4"]})
    other = text.assign(value=["4", "3"])

    digest = history.content_digest(users, text)

    assert history.content_digest(users[::-1], text[::-1]) == digest
    assert history.content_digest(users, other) != digest


def test_a_repeat_is_found_under_another_key_and_not_under_its_own() -> None:
    reports = past(content_digest="d" * 64)

    assert history.repeated("d" * 64, "1998-03-23", reports) == KEYS[0]
    assert history.repeated("d" * 64, KEYS[0], reports[:1]) is None
    assert history.repeated("e" * 64, "1998-03-23", reports) is None


def test_an_amendment_is_compared_with_the_revision_that_it_replaces() -> None:
    reports = past(rows=200, landing_digest="a" * 64)

    assert history.amended_ratio(50, KEYS[0], "b" * 64, reports) == 0.25
    assert history.amended_ratio(50, KEYS[0], "a" * 64, reports) is None  # the same landing
    assert history.amended_ratio(50, "1998-03-23", "b" * 64, reports) is None
