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
        b"when,item,stars,user\n100,i1,3,u1\n200,i2,4,u2\n",
        b"user,item,stars,when,device\nu1,i1,3,100,phone\nu2,i2,4,200,tablet\n",
    ],
    ids=[
        *("bom", "crlf", "cr", "case", "gzip"),
        *("members", "blanks", "canonical", "other-order", "new-column"),
    ],
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


@pytest.mark.parametrize(
    ("last_column", "fault"),
    [("when", {}), ("device", {}), ("stars", {2: "row-truncated"}), ("item", {2: "row-truncated"})],
)
def test_a_last_line_without_an_end_is_taken_where_a_cut_would_show(
    last_column: str, fault: dict[int, str]
) -> None:
    columns = {"user": "u1", "item": "i1", "stars": "3", "when": "100", "device": "phone"}
    columns[last_column] = columns.pop(last_column)  # to the end

    raw = read(f"{','.join(columns)}\n{','.join(columns.values())}".encode())

    assert faults(raw) == fault
    assert ("last-line-open" in {notice.slug for notice in raw.notices}) == (not fault)


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


def test_a_missing_header_is_told_without_the_values_which_may_be_user_ids() -> None:
    with pytest.raises(InputRefused) as refused:
        read(ROWS)

    assert "2 of 4 are numbers" in refused.value.message
    assert ROWS.split(b",")[0].decode() not in refused.value.render()


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
        {"when": pa.array([100 * 10**9 + 1, 200 * 10**9 + 999], pa.timestamp("ns", "UTC"))},
        {"when": pa.array([100 * 10**9 + 1, 200 * 10**9], pa.timestamp("ns", "+02:00"))},
    ],
    ids=["plain", "dictionary", "times", "nanoseconds", "nanoseconds-in-a-zone"],
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
    "columns",
    [
        {"user": [1.0, None]},
        {"item": [["i1"], ["i2"]]},
        {"user": [b"\xff", b"u2"]},
        {"when": pa.array([2**61, 0], pa.timestamp("ms"))},
    ],
    ids=["float-id", "nested", "bytes-that-are-no-text", "time-out-of-range"],
)
def test_parquet_with_a_column_that_has_no_exact_text_is_refused(
    columns: dict[str, object],
) -> None:
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


JSON = b'{"user": "u1", "item": "i1", "stars": 3, "when": 100}\n'


def test_json_lines_give_numbers_as_they_are_written() -> None:
    content = JSON + b'{"when": 2e2, "user": 9007199254740993, "item": "i2", "stars": null}\n'

    frame = read(content, "rows.jsonl").frame

    assert frame[["user_id", "item_id", "value", "timestamp"]].to_numpy().tolist() == [
        ["u1", "i1", "3", "100"],
        ["9007199254740993", "i2", "", "2e2"],  # as a float that id would end in 2
    ]


@pytest.mark.parametrize(
    ("line", "fault"),
    [
        (b'{"user": "u2", "item"', "line-malformed"),
        (b'["u2", "i2", 3, 200]', "line-malformed"),
        (b'{"user": {"id": 2}, "item": "i2", "stars": 3, "when": 200}', "line-malformed"),
        (b'{"user": "a", "user": "b", "item": "i2", "stars": 3, "when": 200}', "line-malformed"),
        (b'{"user": "\\ud800", "item": "i2", "stars": 3, "when": 200}', "line-malformed"),
        (b"[" * 900, "line-malformed"),
        (b'{"user": "' + b"u" * 1_000 + b'"}', "field-too-long"),
    ],
    ids=["cut", "array", "nested", "key-twice", "half-a-character", "deep", "long"],
)
def test_an_odd_json_line_is_marked_and_the_rest_is_read(line: bytes, fault: str) -> None:
    raw = read(JSON + line + b"\n" + JSON, "rows.jsonl")

    assert faults(raw) == {2: fault}
    assert raw.frame["user_id"].tolist() == ["u1", "", "u1"] or fault == "line-malformed"


def test_a_nested_value_in_a_column_that_is_not_kept_does_no_harm() -> None:
    raw = read(JSON.replace(b"}", b', "device": {"os": "x"}}'), "rows.jsonl")

    assert faults(raw) == {}
    assert [notice.slug for notice in raw.notices] == ["columns-new"]


def test_zstd_and_xz_are_read_by_their_content() -> None:
    import lzma

    packed = bytes(pa.compress(CLEAN, codec="zstd", asbytes=True))

    assert read(packed, "rows.csv.zst").frame.equals(read(CLEAN).frame)
    assert read(lzma.compress(CLEAN), "rows.csv.xz").frame.equals(read(CLEAN).frame)


def test_columns_of_a_file_without_a_header_are_declared() -> None:
    frame = read(ROWS, header=["user", "item", "stars", "when"]).frame

    assert frame["user_id"].tolist() == ["u1", "u2"]
    assert frame["source_line"].tolist() == [1, 2]
