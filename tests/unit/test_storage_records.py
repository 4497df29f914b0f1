"""Records on disk: read as what they claim to be, or refused with field and path."""

import math
from pathlib import Path
from typing import Literal

import pytest
from pydantic import Field

from pipelines import storage
from pipelines.contracts.record import Record
from pipelines.errors import BadRecord, StateNewer, TandemError


class Figures(Record):
    """A record for these tests."""

    name: str
    share: float


def test_a_record_survives_writing_and_reading(tmp_path: Path) -> None:
    record = Figures(name="ñ", share=0.25)

    storage.write_record(tmp_path / "r.json", record)

    assert storage.read_record(tmp_path / "r.json", Figures) == record


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        pytest.param('{"name": "a"}', "share", id="a field is missing"),
        pytest.param('{"name": "a", "share": 1.0, "x": 1}', "x", id="a field too many"),
        pytest.param('{"name": 1, "share": 1.0}', "name", id="a number for a text"),
        pytest.param('{"name": "a", "share": NaN}', "share", id="NaN"),
        pytest.param('{"name": "a", "share": 1e999}', "share", id="infinity"),
        pytest.param('{"name": "a", "sh', "Figures", id="cut"),
        pytest.param("", "Figures", id="empty"),
    ],
)
def test_a_file_that_is_no_such_record_is_refused_by_field_and_path(
    tmp_path: Path, text: str, complaint: str
) -> None:
    path = tmp_path / "r.json"
    path.write_text(text)

    with pytest.raises(BadRecord) as refused:
        storage.read_record(path, Figures)

    assert complaint in refused.value.render()
    assert str(path) in refused.value.render()


class Versioned(Record):
    """A record with a number for its form."""

    schema_: Literal[1] = Field(1, alias="schema")
    name: str


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        pytest.param('{"schema": 2, "name": "a", "more": 1}', StateNewer, id="newer"),
        pytest.param('{"schema": 0, "name": "a"}', BadRecord, id="unknown"),
        pytest.param('{"schema": "2", "name": "a"}', BadRecord, id="no number"),
        pytest.param('{"schema": 1, "name": 2}', BadRecord, id="another field"),
    ],
)
def test_a_record_of_a_newer_form_is_told_from_a_bad_one(
    tmp_path: Path, text: str, kind: type[TandemError]
) -> None:
    (tmp_path / "r.json").write_text(text)

    with pytest.raises(kind) as refused:
        storage.read_record(tmp_path / "r.json", Versioned)

    assert str(tmp_path / "r.json") in refused.value.where


def test_a_missing_record_is_our_error(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match="missing"):
        storage.read_record(tmp_path / "none.json", Figures)
    with pytest.raises(BadRecord, match="missing"):
        storage.read_json(tmp_path / "none.json")


def test_json_never_holds_nan(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        storage.write_json(tmp_path / "r.json", {"share": math.nan})

    assert list(tmp_path.iterdir()) == []
