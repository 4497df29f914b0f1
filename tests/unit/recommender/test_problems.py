import json

from services.recommender.problems import FieldError, Problem


def test_a_problem_has_the_members_of_rfc_9457_and_ours() -> None:
    error = FieldError("k", "/k", "less-than-1", "k must be at least 1, got 0")

    document = json.loads(Problem("invalid-field", error.detail, [error]).body("r" * 8, "/v1/rank"))

    assert document == {
        "type": "/problems/invalid-field",
        "title": "a field is not valid",
        "status": 422,
        "detail": "k must be at least 1, got 0",
        "code": "invalid-field",
        "instance": "/v1/rank",
        "request_id": "rrrrrrrr",
        "errors": [
            {
                "field": "k",
                "pointer": "/k",
                "code": "less-than-1",
                "detail": "k must be at least 1, got 0",
            }
        ],
    }


def test_an_unknown_path_is_not_repeated_since_it_may_hold_an_id() -> None:
    assert "instance" not in json.loads(Problem("not-found", "…").body("r" * 8, None))
