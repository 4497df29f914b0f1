"""Sources as bytes, through the one door that reads tables."""

import gzip
import io
import json
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipelines.descriptors import Columns, Interactions, TextFormat
from pipelines.errors import InputRefused
from pipelines.ingest import mapping
from pipelines.ingest.tables import RawTable, read_table
from pipelines.params import IngestParams

LIMITS = IngestParams(max_source_bytes=100_000, max_field_length=1_000, fetch_attempts=1)
CLEAN = b"user,item,stars,when\nu1,i1,3,100\nu2,i2,4,200\n"


def read(content: bytes, name: str = "rows.csv", **form: object) -> RawTable:
    columns = Columns(user_id="user", item_id="item", value="stars", timestamp="when")
    table = Interactions(
        path=name,
        format=TextFormat.model_validate(form),
        columns=columns,
        timestamp_unit="seconds",
        event="rating",
    )
    return read_table(io.BytesIO(content), name, table, mapping.wanted_interactions(table), LIMITS)


def faults(raw: RawTable) -> dict[int, str]:
    odd = raw.frame[raw.frame["fault"] != ""]
    return dict(zip(odd["source_line"], odd["fault"], strict=True))


def test_rows_come_as_text_with_their_lines_and_the_constant_event() -> None:
    frame = read(CLEAN).frame

    assert frame[["user_id", "item_id", "value", "timestamp"]].to_numpy().tolist() == [
        ["u1", "i1", "3", "100"],
        ["u2", "i2", "4", "200"],
    ]
    assert frame["source_line"].tolist() == [2, 3]
    assert frame["event"].tolist() == ["rating", "rating"]


@pytest.mark.parametrize(
    "user",
    ["007", "-9223372036854775808", "1e5", "TRUE", " 3 ", "NA", "null", "naïve 🎬", "../x", "<b>"],
)
def test_ids_survive_as_they_are(user: str) -> None:
    frame = read(CLEAN + f"{user},i1,3,100\n".encode()).frame

    assert frame["user_id"].iloc[-1] == user


@pytest.mark.parametrize(
    "content",
    [
        b"\xef\xbb\xbf" + CLEAN,
        CLEAN.replace(b"\n", b"\r\n"),
        CLEAN.replace(b"\n", b"\r"),
        b"USER , Item,stars,when\n" + CLEAN.split(b"\n", 1)[1],
        gzip.compress(CLEAN),
        gzip.compress(CLEAN[:30]) + gzip.compress(CLEAN[30:]),
        CLEAN + b"\n\n",
        b"user_id,item_id,value,timestamp\n" + CLEAN.split(b"\n", 1)[1],
    ],
    ids=["bom", "crlf", "cr", "case", "gzip", "two-members", "blank-lines", "canonical-names"],
)
def test_another_way_to_write_the_same_gives_the_same_rows(content: bytes) -> None:
    assert read(content).frame.equals(read(CLEAN).frame)


def test_a_newline_inside_quotes_keeps_the_line_numbers_right() -> None:
    frame = read(b'user,item,stars,when\n"a\nb",i1,3,100\nu2,i2,4,200\n').frame

    assert frame["user_id"].iloc[0] == "a\nb"
    assert frame["source_line"].tolist() == [2, 4]


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (CLEAN + b"u3,i3,5\n", {4: "field-count"}),
        (CLEAN + b"u3,i3,5,300,x\n", {4: "field-count"}),
        (CLEAN + b"u3,i3,5,30", {4: "row-truncated"}),
        (CLEAN + b"u3,i", {4: "row-truncated"}),
        (CLEAN + b"user,item,stars,when\nu3,i3,5,300\n", {4: "header-row"}),
        (CLEAN + b"u" * 5_000 + b",i3,5,300\nu4,i4,5,300\n", {4: "field-too-long"}),
        (CLEAN + b'"u"3,i3,5,300\nu4,i4,5,300\n', {4: "quote-malformed"}),
    ],
)
def test_an_odd_line_is_marked_and_the_rest_is_read(
    content: bytes, expected: dict[int, str]
) -> None:
    raw = read(content)

    assert faults(raw) == expected
    assert raw.frame.head(2).equals(read(CLEAN).frame)


ROWS = CLEAN.split(b"\n", 1)[1]
REFUSED = [
    (b"", "source-empty"),
    (b"  \n \n", "source-empty"),
    (gzip.compress(b""), "source-empty"),
    (b"user,item,stars,when\n", "no-rows"),
    (ROWS, "header-missing"),
    (CLEAN.replace(b"stars", b"rating"), "columns-missing"),
    (CLEAN.replace(b"stars,", b"stars,User,"), "columns-duplicate"),
    (CLEAN.replace(b",", b";"), "delimiter-mismatch"),
    (CLEAN.replace(b",", b"::"), "delimiter-mismatch"),
    (CLEAN + b'u3,"i3,5,300\nu4,i4,5,300\n', "quote-unclosed"),
    (CLEAN + b"u\xe9,i3,5,300\n", "encoding"),
    (CLEAN.decode().encode("utf-16"), "encoding"),
    (b"<!doctype html><p>not found", "not-tabular"),
    (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "not-tabular"),
    (json.dumps({"error": "no such table"}).encode(), "not-tabular"),
    (b"%PDF-1.7\n", "not-tabular"),
    (gzip.compress(CLEAN)[:-12], "source-truncated"),
    (gzip.compress(CLEAN)[:-8] + b"\0\0\0\0" + gzip.compress(CLEAN)[-4:], "source-corrupt"),
    (gzip.compress(CLEAN) + b"junk", "source-corrupt"),
    (gzip.compress(CLEAN + b"u3,i3,5,300\n" * 20_000), "source-too-large"),
    (b"PAR1" + b"\0" * 100, "source-corrupt"),
]


@pytest.mark.parametrize(
    ("content", "slug"), REFUSED, ids=[f"{n}-{slug}" for n, (_, slug) in enumerate(REFUSED)]
)
def test_what_is_no_table_is_refused_by_its_slug_and_place(content: bytes, slug: str) -> None:
    with pytest.raises(InputRefused) as refused:
        read(content)

    assert refused.value.code == slug
    assert refused.value.exit_code == 3
    assert refused.value.where[0].startswith("rows.csv")


def test_a_missing_column_is_refused_with_the_one_that_was_probably_meant() -> None:
    with pytest.raises(InputRefused) as refused:
        read(CLEAN.replace(b"when", b"time_when"))

    assert "is time_when meant for when?" in refused.value.hint


def test_a_wrong_byte_is_refused_with_its_line() -> None:
    with pytest.raises(InputRefused) as refused:
        read(CLEAN + b"u\xe9,i3,5,300\n")

    assert refused.value.where == ("rows.csv, line 4",)
    assert "0xe9" in refused.value.message
    assert "latin-1" in refused.value.hint


def test_an_unclosed_quote_is_refused_with_its_opening_line() -> None:
    with pytest.raises(InputRefused) as refused:
        read(CLEAN + b'u3,"i3,5,300\n' + ROWS * 3)

    assert refused.value.where == ("rows.csv, line 4",)


def test_a_quote_is_a_character_like_any_other_where_nothing_is_quoted() -> None:
    frame = read(CLEAN + b'"u3,i"3,5,300\n', quoted=False).frame

    assert frame["user_id"].iloc[-1] == '"u3'


def test_new_and_respelled_columns_are_told() -> None:
    content = b"USER,item,stars,when,device\nu1,i1,3,100,phone\n"

    notices = read(content).notices

    assert {notice.slug for notice in notices} == {"columns-new", "columns-respelled"}
    assert "device" in notices[0].text


def test_gzip_under_another_name_is_read_and_told() -> None:
    raw = read(gzip.compress(CLEAN), name="rows.csv")

    assert [notice.slug for notice in raw.notices] == ["compression-name"]


def parquet(**columns: object) -> bytes:
    defaults = {
        "user": ["u1", "u2"],
        "item": ["i1", "i2"],
        "stars": [3, 4],
        "when": [100, 200],
    }
    sink = io.BytesIO()
    pq.write_table(pa.table(defaults | columns), sink)
    return sink.getvalue()


@pytest.mark.parametrize(
    "columns",
    [
        {},
        {"user": pa.array(["u1", "u2"]).dictionary_encode()},
        {"when": pa.array(pd.to_datetime([100, 200], unit="s", utc=True))},
    ],
    ids=["plain", "dictionary", "times"],
)
def test_parquet_gives_the_same_rows_as_text(columns: dict[str, object]) -> None:
    frame = read(parquet(**columns), "rows.parquet").frame
    canonical = ["user_id", "item_id", "value", "timestamp", "event"]

    numbers = frame[canonical].assign(timestamp=frame["timestamp"].astype(float))
    assert numbers.to_numpy().tolist() == [
        ["u1", "i1", "3", 100.0, "rating"],
        ["u2", "i2", "4", 200.0, "rating"],
    ]


@pytest.mark.parametrize(
    "columns", [{"user": [1.0, None]}, {"item": [["i1"], ["i2"]]}], ids=["float-id", "nested"]
)
def test_parquet_with_a_type_that_would_damage_ids_is_refused(columns: dict[str, object]) -> None:
    with pytest.raises(InputRefused) as refused:
        read(parquet(**columns), "rows.parquet")

    assert refused.value.code == "schema-drift"


def test_huge_integer_ids_in_parquet_keep_every_digit() -> None:
    content = parquet(user=pa.array([-(2**63), 2**63 - 1], pa.int64()))

    frame = read(content, "rows.parquet").frame

    assert frame["user_id"].tolist() == [str(-(2**63)), str(2**63 - 1)]


def test_a_file_in_the_suffix_s_own_form_is_read_under_another_declared_delimiter(
    tmp_path: Path,
) -> None:
    assert read(CLEAN, "rows.csv", delimiter="\t", quoted=False).frame.equals(read(CLEAN).frame)
