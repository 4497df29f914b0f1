import numpy as np
import pandas as pd
import pytest

from pipelines import timeline
from pipelines.errors import PartitionKey


def test_a_week_starts_on_monday_and_ends_before_the_next_one() -> None:
    span = timeline.period("1998-03-09", "week")

    # 1998-03-09T00:00:00Z is 889,401,600 s after 1970
    assert span.start_us == 889_401_600_000_000
    assert span.end_us - span.start_us == 7 * 86_400 * 1_000_000


@pytest.mark.parametrize(
    ("grain", "keys"),
    [
        ("week", ["1998-03-02", "1998-03-09", "1998-03-09"]),
        ("day", ["1998-03-08", "1998-03-09", "1998-03-10"]),
        ("month", ["1998-03-01", "1998-03-01", "1998-03-01"]),
        ("hour", ["1998-03-08T23", "1998-03-09T00", "1998-03-10T00"]),
    ],
)
def test_a_timestamp_belongs_to_the_period_that_starts_at_or_before_it(
    grain: timeline.Grain, keys: list[str]
) -> None:
    start = timeline.period("1998-03-09", "week").start_us
    times = np.array([start - 1, start, start + 86_400e6])

    assert timeline.keys_of(times, grain).tolist() == keys
    assert all(timeline.period(key, grain) for key in keys)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "1998-03-10",
        "1998-02-30",
        "2026-13-45",
        "../../etc",
        "dt=1998-03-09",
        "1998-03-09\n",
        "١٩٩٨-03-09",
        "1998-03-09T00",
        "9" * 300,
        "1000-01-06",
    ],
)
def test_a_key_that_is_no_start_of_a_week_is_refused(key: str) -> None:
    with pytest.raises(PartitionKey) as refused:
        timeline.period(key, "week")

    assert len(refused.value.message) < 100


def test_a_key_inside_a_week_is_refused_with_the_week_that_it_belongs_to() -> None:
    with pytest.raises(PartitionKey) as refused:
        timeline.period("1998-03-12", "week")

    assert "1998-03-09" in refused.value.hint.rpartition(";")[2]


def test_numbers_are_read_strictly() -> None:
    texts = ["3", "+3.5", "-.5", "1e3", "", "nan", "inf", "1_0", "٣", "3,5", " 3", "0x1"]

    numbers = timeline.to_numbers(pd.Series(texts, dtype="str"))

    assert numbers[:4].tolist() == [3.0, 3.5, -0.5, 1000.0]
    assert np.isnan(numbers[4:]).all()


@pytest.mark.parametrize(
    ("unit", "text"),
    [
        ("seconds", "881250949.5"),
        ("milliseconds", "881250949500"),
        ("microseconds", "881250949500000"),
        ("nanoseconds", "881250949500000000"),
        ("iso8601", "1997-12-04T15:55:49.500Z"),
        ("iso8601", "1997-12-04T17:55:49.5+02:00"),
    ],
)
def test_every_unit_gives_the_same_microseconds(unit: timeline.Unit, text: str) -> None:
    assert timeline.to_micros(pd.Series([text], dtype="str"), unit)[0] == 881_250_949_500_000


def test_a_time_without_a_zone_is_not_read() -> None:
    texts = pd.Series(["1997-12-04T15:55:49", "1997-12-04", "04/12/1997 15:55Z"], dtype="str")

    assert np.isnan(timeline.to_micros(texts, "iso8601")).all()


@pytest.mark.parametrize(
    ("median", "declared", "meant"),
    [
        (881_250_949e6, "seconds", None),
        (881_250_949e9, "seconds", "milliseconds"),
        (881_250_949e12, "seconds", "microseconds"),
        (881_250_949e15, "seconds", "nanoseconds"),
        (881_250_949e3, "milliseconds", "seconds"),
        (30_000e6, "seconds", None),
    ],
)
def test_the_unit_that_was_meant_is_the_one_that_makes_sense(
    median: float, declared: timeline.Unit, meant: str | None
) -> None:
    assert timeline.likely_unit(median, declared) == meant


def test_a_declared_zone_reads_local_times_and_not_the_hours_that_its_clocks_skip_or_repeat() -> (
    None
):
    texts = pd.Series(
        [
            "2001-03-25 01:30:00",  # CET, one hour ahead
            "2001-03-25 02:30:00",  # skipped
            "2001-03-25T03:30:00.250",  # CEST, two hours ahead
            "2001-10-28 02:30:00",  # twice
            "2001-03-25T01:30:00Z",  # its own zone wins
            "25.03.2001",
        ],
        dtype="str",
    )

    found = timeline.to_micros(texts, "iso8601", "Europe/Berlin")

    first = 985_480_200_000_000  # 2001-03-25T00:30:00Z
    hour = 3_600_000_000
    expected = [first, np.nan, first + hour + 250_000, np.nan, first + hour, np.nan]
    np.testing.assert_array_equal(found, expected)


def test_with_a_decimal_comma_a_point_is_no_number() -> None:
    texts = pd.Series(["3,5", "-0,25", "4", "3.5", "1.234,5", "3,5,1"], dtype="str")

    numbers = timeline.to_numbers(texts, ",")

    np.testing.assert_array_equal(numbers, [3.5, -0.25, 4.0, np.nan, np.nan, np.nan])
