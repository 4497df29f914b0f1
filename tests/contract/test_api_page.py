"""docs/api.md must know every route, code and field that the service knows."""

import json
import re
from pathlib import Path
from typing import get_args

import pytest

from services.recommender import openapi
from services.recommender.answers import Fallback, WarningCode
from services.recommender.problems import KINDS
from services.recommender.routes import ROUTES
from services.recommender.schemas import RecommendRequest

PAGE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("code", KINDS)
def test_every_problem_is_on_the_page_with_its_status(code: str) -> None:
    assert f"| {KINDS[code][0]} | `{code}` |" in PAGE


@pytest.mark.parametrize("code", [*get_args(WarningCode), *get_args(Fallback)])
def test_every_warning_and_fallback_is_on_the_page(code: str) -> None:
    assert f"`{code}`" in PAGE


@pytest.mark.parametrize("field", RecommendRequest.model_fields)
def test_every_field_of_a_recommendation_is_on_the_page(field: str) -> None:
    assert f"| `{field}` |" in PAGE


@pytest.mark.parametrize("path", ROUTES)
def test_every_route_is_on_the_page_and_in_the_document(path: str) -> None:
    method = ROUTES[path].method

    assert f"| `{method} {path}` |" in PAGE
    assert method.lower() in openapi.document("v1")["paths"][path]


def test_every_reference_of_the_document_leads_somewhere() -> None:
    document = openapi.document("v1")

    named = set(re.findall(r'"#/components/schemas/(\w+)"', json.dumps(document)))

    assert named
    assert named <= set(document["components"]["schemas"])


@pytest.mark.parametrize("path", [path for path, route in ROUTES.items() if route.takes])
def test_bodies_and_problems_are_documented_with_examples(path: str) -> None:
    document = openapi.document("v1")
    operation = document["paths"][path]["post"]

    assert operation["requestBody"]["content"]["application/json"]["example"]
    assert operation["responses"]["200"]["content"]["application/json"]["example"]
    assert set(operation["responses"]) == {
        *("200", "400", "401", "405", "408", "413", "415", "422", "500", "503")
    }
    assert document["components"]["schemas"]["ProblemAnswer"]["examples"]


@pytest.mark.parametrize("path", [path for path, route in ROUTES.items() if route.takes])
def test_examples_are_what_the_shapes_take(path: str) -> None:
    request, answer = ROUTES[path].takes, ROUTES[path].answers

    assert request.model_validate(openapi.example(request))
    assert answer.model_validate(openapi.example(answer))
