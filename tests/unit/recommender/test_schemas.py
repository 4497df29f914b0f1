from typing import Any

import pytest
from pydantic import BaseModel, ValidationError

from services.recommender import problems, schemas
from services.recommender.problems import Problem
from services.recommender.schemas import RankRequest, RecommendRequest, SimilarRequest


def refusal(content: Any, model: type[BaseModel] = RecommendRequest) -> Problem:
    with pytest.raises(ValidationError) as caught:
        model.model_validate(content)
    return problems.from_validation(caught.value, model)


def field_codes(problem: Problem) -> dict[str, str]:
    return {error.pointer: error.code for error in problem.errors}


@pytest.mark.parametrize(
    ("content", "pointer", "code"),
    [
        ({"k": "10"}, "/k", "wrong-type"),
        ({"k": True}, "/k", "wrong-type"),
        ({"k": 1.0}, "/k", "wrong-type"),
        ({"k": None}, "/k", "wrong-type"),
        ({"k": 0}, "/k", "less-than-1"),
        ({"k": -1}, "/k", "less-than-1"),
        ({"k": 1_001}, "/k", "greater-than-1000"),
        ({"exclude_seen": 1}, "/exclude_seen", "wrong-type"),
        ({"history": {}}, "/history", "wrong-type"),
        ({"history": [{}]}, "/history/0/item_id", "missing"),
        ({"history": [{"item_id": "1"}, {"item_id": 2}]}, "/history/1/item_id", "wrong-type"),
        ({"history": [{"item_id": "1", "value": "5"}]}, "/history/0/value", "wrong-type"),
        (
            {"history": [{"item_id": "1", "timestamp": 5}]},
            "/history/0/timestamp",
            "not-a-timestamp",
        ),
        ({"user_id": 7}, "/user_id", "wrong-type"),
        ({"user_id": ""}, "/user_id", "empty"),
        ({"user_id": " \u2003"}, "/user_id", "blank"),
        ({"user_id": "a\x00b"}, "/user_id", "control-character"),
        ({"user_id": "a\nb"}, "/user_id", "control-character"),
        ({"user_id": "p1_0"}, "/user_id", "reserved-prefix"),
        ({"exclude": ["a", ""]}, "/exclude/1", "empty"),
        ({"profile": {"age": 24}}, "/profile/age", "wrong-type"),
        ({"profile": {"a/b~c": 24}}, "/profile/a~1b~0c", "wrong-type"),
        ({"context": "now"}, "/context", "wrong-type"),
    ],
    ids=str,
)
def test_a_field_against_the_contract_is_named_by_pointer(
    content: dict[str, Any], pointer: str, code: str
) -> None:
    problem = refusal(content)

    assert problem.code == "invalid-field"
    assert problem.status == 422
    assert field_codes(problem) == {pointer: code}


def test_all_fields_at_fault_are_listed_at_once() -> None:
    problem = refusal({"k": 0, "user_id": "", "nope": 1})

    assert field_codes(problem) == {
        "/k": "less-than-1",
        "/user_id": "empty",
        "/nope": "unknown-field",
    }
    assert problem.code == "invalid-field"


@pytest.mark.parametrize("content", [[], "x", 1, None, True], ids=repr)
def test_anything_but_an_object_is_an_invalid_body(content: Any) -> None:
    assert refusal(content).code == "invalid-body"


@pytest.mark.parametrize(
    ("content", "hint"),
    [
        ({"exclude_sen": True}, "did you mean exclude_seen?"),
        ({"history": [{"item_id": "1", "time_stamp": ""}]}, "did you mean timestamp?"),
        ({"zzz": 1}, "known: user_id, history, profile, k,"),
    ],
    ids=["top", "nested", "nothing near"],
)
def test_an_unknown_field_is_answered_with_the_nearest_name(
    content: dict[str, Any], hint: str
) -> None:
    problem = refusal(content)

    assert problem.code == "unknown-field"
    assert hint in problem.detail


@pytest.mark.parametrize("length", [257, 4_096])
def test_a_long_id_is_too_long_and_not_echoed(length: int) -> None:
    problem = refusal({"user_id": "u" * length})

    assert problem.code == "too-long"
    assert "uuu" not in problem.body("request-1", None).decode()


def test_a_name_of_4_kilobytes_is_cut_in_the_answer() -> None:
    assert len(refusal({"x" * 4_096: 1}).body("request-1", None)) < 1_000


@pytest.mark.parametrize(
    "content",
    [
        {"history": [{"item_id": "1"}] * 1_001},
        {"exclude": ["1"] * 10_001},
        {"return_fields": ["title"] * 51},
    ],
    ids=["history", "exclude", "return_fields"],
)
def test_a_long_list_is_too_many(content: dict[str, Any]) -> None:
    assert refusal(content).code == "too-many"


@pytest.mark.parametrize(
    "user_id",
    ["-9223372036854775808", "007", " a", "né", "ne\u0301", "🎬", "'; DROP TABLE users", "p2_x"],
)
def test_ids_are_opaque(user_id: str) -> None:
    assert RecommendRequest.model_validate({"user_id": user_id}).user_id == user_id


@pytest.mark.parametrize(
    ("text", "micros"),
    [
        ("1970-01-01T00:00:00Z", 0),
        ("1970-01-01T00:00:01.5Z", 1_500_000),
        ("1970-01-01T01:00:00.000001+01:00", 1),
        ("1970-01-01t00:00:00.123456789z", 123_456),
        ("1998-04-06T00:00:00Z", 891_820_800_000_000),
    ],
)
def test_instants_are_rfc_3339_to_the_microsecond(text: str, micros: int) -> None:
    request = RecommendRequest.model_validate({"context": {"timestamp": text}})

    assert request.context == schemas.Context(timestamp=text)
    assert request.context.timestamp == micros


@pytest.mark.parametrize(
    "text",
    [
        "1998-04-06",
        "1998-04-06T00:00:00",
        "1998-02-30T00:00:00Z",
        "1998-04-06T24:01:00Z",
        "0001-01-01T00:00:00+23:59",
        "1969-12-31T23:59:59Z",
        "99999-01-01T00:00:00Z",
        "892080000",
        "",
    ],
)
def test_other_instants_are_refused(text: str) -> None:
    problem = refusal({"context": {"timestamp": text}})

    assert field_codes(problem) == {"/context/timestamp": "not-a-timestamp"}


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_refused(value: float) -> None:
    problem = refusal({"history": [{"item_id": "1", "value": value}]})

    assert field_codes(problem) == {"/history/0/value": "not-finite"}


@pytest.mark.parametrize("content", [{}, {"item_id": "1", "item_ids": ["1"]}], ids=["none", "both"])
def test_similar_takes_either_one_item_or_several(content: dict[str, Any]) -> None:
    assert "either item_id or item_ids" in refusal(content, SimilarRequest).detail


def test_rank_takes_at_least_one_item() -> None:
    assert field_codes(refusal({"item_ids": []}, RankRequest)) == {"/item_ids": "too-few"}


@pytest.mark.parametrize(
    "content",
    [{"include": []}, {"filter": {}}, {"diversity": 1}, {"dry_run": True}, {"explain": True}],
    ids=str,
)
def test_fields_that_nothing_answers_yet_are_unknown(content: dict[str, Any]) -> None:
    assert refusal(content).code == "unknown-field"


def test_of_very_many_mistakes_the_first_hundred_are_listed() -> None:
    problem = refusal({f"field {number}": 1 for number in range(70_000)})

    assert len(problem.errors) == 100
    assert "69999 more" in problem.detail
