from pathlib import Path

import pandas as pd
import pytest

from pipelines.contracts.data import IngestRequest
from pipelines.descriptors import Columns, Descriptor, Interactions
from pipelines.errors import (
    NoNewPartition,
    NoRows,
    PartitionKey,
    TimestampFormat,
    TimestampUnit,
    UsageError,
)
from pipelines.ingest import partitions

MONDAY = 889_401_600  # 1998-03-09T00:00:00Z
WEEK = 7 * 86_400
TABLE = Interactions(
    path="rows",
    columns=Columns(user_id="u", item_id="i", timestamp="t"),
    timestamp_unit="seconds",
    event="view",
)


def rows(*times: object) -> pd.DataFrame:
    texts = pd.Series([str(time) for time in times], dtype="str")
    return pd.DataFrame({"timestamp": texts, "source_line": range(2, len(texts) + 2)})


def test_rows_go_to_the_week_that_they_fall_in() -> None:
    split = partitions.split(rows(MONDAY + WEEK, MONDAY, MONDAY - 1), "week", TABLE)

    assert {key: frame["timestamp"].tolist() for key, frame in split.items()} == {
        "1998-03-02": [str(MONDAY - 1)],
        "1998-03-09": [str(MONDAY)],
        "1998-03-16": [str(MONDAY + WEEK)],
    }


MIXED = ("soon", MONDAY + WEEK, "", MONDAY, -5)
"""Two weeks of one row each, and three rows that belong to neither."""


def test_rows_without_a_readable_time_go_with_the_earliest_week_in_their_order() -> None:
    split = partitions.split(rows(*MIXED), "week", TABLE)

    taken, notices = partitions.with_unread(split, ["1998-03-09", "1998-03-16"])

    assert {key: frame["timestamp"].tolist() for key, frame in taken.items()} == {
        "1998-03-09": ["soon", "", str(MONDAY), "-5"],
        "1998-03-16": [str(MONDAY + WEEK)],
    }
    assert notices == []


def test_rows_without_a_readable_time_are_counted_where_the_earliest_week_is_not_wanted() -> None:
    split = partitions.split(rows(*MIXED), "week", TABLE)

    taken, notices = partitions.with_unread(split, ["1998-03-16"])

    assert partitions.keys_in(split) == ["1998-03-09", "1998-03-16"]
    assert taken["1998-03-16"]["timestamp"].tolist() == [str(MONDAY + WEEK)]
    assert [notice.slug for notice in notices] == ["timestamp-unread"]
    assert notices[0].text.startswith("3 rows")
    assert notices[0].text.endswith("line 2")


def until(last_key: str | None) -> Descriptor:
    return Descriptor.load("movielens-100k").model_copy(update={"last_key": last_key})


def test_weeks_after_the_last_whole_one_are_left_out_and_counted() -> None:
    split = partitions.split(rows(*MIXED), "week", TABLE)

    kept, notices = partitions.whole(split, until("1998-03-09"))

    assert partitions.keys_in(kept) == ["1998-03-09"]
    assert len(kept[partitions.UNREAD]) == 3
    assert [(notice.slug, notice.text[:22]) for notice in notices] == [
        ("after-last-key", "1 rows after 1998-03-0")
    ]


@pytest.mark.parametrize("last_key", [None, "1998-03-16", "1998-03-23"])
def test_nothing_is_left_out_up_to_the_last_whole_week(last_key: str | None) -> None:
    split = partitions.split(rows(*MIXED), "week", TABLE)

    kept, notices = partitions.whole(split, until(last_key))

    assert kept.keys() == split.keys()
    assert notices == []


@pytest.mark.parametrize(
    ("last_key", "refusal"), [("1998-03-02", NoRows), ("spring", PartitionKey)]
)
def test_a_last_week_before_all_rows_or_that_is_none_is_refused(
    last_key: str, refusal: type[Exception]
) -> None:
    split = partitions.split(rows(*MIXED), "week", TABLE)

    with pytest.raises(refusal):
        partitions.whole(split, until(last_key))


def test_with_nothing_new_the_rows_that_have_no_week_are_named() -> None:
    split = partitions.split(rows(*MIXED), "week", TABLE)

    with pytest.raises(NoNewPartition) as nothing:
        partitions.choose(split, dict.fromkeys(partitions.keys_in(split), ""), IngestRequest())

    assert nothing.value.where[1].startswith("3 rows whose time cannot be read")


def test_a_plausible_median_of_implausible_times_is_refused() -> None:
    with pytest.raises(TimestampUnit):
        partitions.split(rows(0, 10_000_000_000), "week", TABLE)


def test_a_source_in_another_unit_is_refused_with_the_key_to_set() -> None:
    with pytest.raises(TimestampUnit) as refused:
        partitions.split(rows(MONDAY * 1000, MONDAY * 1000 + 1), "week", TABLE)

    assert refused.value.hint.startswith("set interactions.timestamp_unit: milliseconds")


def test_a_source_without_any_time_is_refused() -> None:
    with pytest.raises(TimestampUnit):
        partitions.split(rows("soon", "later"), "week", TABLE)


@pytest.mark.parametrize(
    ("times", "said"),
    [
        (["05/02/2001", "06.02.2001 14:30"], "which nothing in them tells: 05/02/2001, 06.02.2001"),
        (["05/02/2001", "25/02/2001"], "day first: 05/02/2001, 25/02/2001"),
        (["02-05-2001", "02-25-2001"], "month first"),
    ],
    ids=["ambiguous", "day-first", "month-first"],
)
def test_times_with_the_year_last_are_refused_with_two_examples(
    times: list[str], said: str
) -> None:
    with pytest.raises(TimestampFormat) as refused:
        partitions.split(rows(*times), "week", TABLE)

    assert said in refused.value.message
    assert refused.value.where == ("rows, line 2",)


KEYS = ["1998-03-02", "1998-03-09", "1998-03-16"]
SPLIT = {key: rows(MONDAY) for key in reversed(KEYS)}


@pytest.mark.parametrize(
    ("request_", "chosen"),
    [
        (IngestRequest(), ["1998-03-09"]),
        (IngestRequest(from_key="1998-03-09"), ["1998-03-09", "1998-03-16"]),
        (IngestRequest(to_key="1998-03-09"), ["1998-03-02", "1998-03-09"]),
        (IngestRequest(from_key="1998-03-02", to_key="1998-03-02"), ["1998-03-02"]),
    ],
    ids=["nothing", "from", "to", "both"],
)
def test_a_request_means_these_keys(request_: IngestRequest, chosen: list[str]) -> None:
    assert partitions.choose(SPLIT, {"1998-03-02": "digest"}, request_) == chosen


@pytest.mark.parametrize(
    "request_",
    [IngestRequest(), IngestRequest(from_key="1999-01-04", to_key="1999-01-11")],
    ids=["all-accepted", "beyond-the-source"],
)
def test_there_is_nothing_to_do_when_the_source_has_no_such_key(request_: IngestRequest) -> None:
    with pytest.raises(NoNewPartition) as nothing:
        partitions.choose(SPLIT, dict.fromkeys(KEYS, "digest"), request_)

    assert nothing.value.exit_code == 99


@pytest.mark.parametrize(
    ("request_", "error"),
    [
        (IngestRequest(partition="../../etc", file=Path("x")), PartitionKey),
        (IngestRequest(from_key="1998-03-16", to_key="1998-03-09"), PartitionKey),
        (IngestRequest(partition="1998-03-09"), UsageError),
        (IngestRequest(file=Path("x")), UsageError),
        (IngestRequest(partition="1998-03-09", file=Path("x"), to_key="1998-03-09"), UsageError),
    ],
    ids=["path", "backwards", "no-file", "no-key", "with-range"],
)
def test_a_request_that_makes_no_sense_is_refused_as_usage(
    request_: IngestRequest, error: type[UsageError]
) -> None:
    with pytest.raises(error) as refused:
        partitions.check(request_, "week")

    assert refused.value.exit_code == 2
