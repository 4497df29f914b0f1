"""The OpenAPI document, generated from the routes and the shapes of requests and answers."""

from collections import defaultdict
from functools import lru_cache
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from services.recommender.answers import ProblemAnswer
from services.recommender.problems import KINDS, MEDIA_TYPE
from services.recommender.routes import ROUTES, Route

REFERENCE = "#/components/schemas/{model}"
DESCRIPTION = (
    "Recommendations with their lineage. Every /v1 route takes `Authorization: Bearer KEY`. "
    "User ids are raw and are pseudonymised on arrival. Refusals are RFC 9457 problem+json."
)


@lru_cache(maxsize=1)
def document(version: str) -> dict[str, Any]:
    """The document of this service, OpenAPI 3.1.

    Args:
        version: The release that answers.
    """
    paths = {path: {route.method.lower(): _operation(route)} for path, route in ROUTES.items()}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Tandem prediction API", "version": version, "description": DESCRIPTION},
        "paths": paths,
        "components": {
            "schemas": _schemas(),
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
        },
    }


def example(shape: type[BaseModel]) -> dict[str, Any]:
    """The documented example of a request or an answer."""
    extra: Any = shape.model_config["json_schema_extra"]
    return dict(extra["examples"][0])


def _operation(route: Route) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": route.path.removeprefix("/v1").strip("/").replace(".", "_"),
        "summary": route.summary,
        "responses": {"200": _answer(route), **_refusals(route)},
    }
    if route.needs_key:
        operation["security"] = [{"key": []}]
    if route.takes is not None:
        operation["requestBody"] = {"required": True, "content": _content(route.takes)}
    return operation


def _answer(route: Route) -> dict[str, Any]:
    if route.answers is not None:
        return {"description": route.summary, "content": _content(route.answers)}
    media_type = "text/plain" if route.path == "/metrics" else "application/json"
    return {"description": route.summary, "content": {media_type: {}}}


def _refusals(route: Route) -> dict[str, Any]:
    codes: dict[int, list[str]] = defaultdict(list)
    for code in route.problems:
        codes[KINDS[code][0]].append(code)
    return {str(status): _refusal(names) for status, names in sorted(codes.items())}


def _refusal(codes: list[str]) -> dict[str, Any]:
    lines = [f"`{code}`: {KINDS[code][1]}" for code in codes]
    return {
        "description": "; ".join(lines),
        "content": {MEDIA_TYPE: {"schema": {"$ref": REFERENCE.format(model="ProblemAnswer")}}},
    }


def _content(model: type[BaseModel]) -> dict[str, Any]:
    schema = {"$ref": REFERENCE.format(model=model.__name__)}
    return {"application/json": {"schema": schema, "example": example(model)}}


def _schemas() -> dict[str, Any]:
    shapes: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = []
    for route in ROUTES.values():
        shapes += [(route.takes, "validation")] if route.takes else []
        shapes += [(route.answers, "serialization")] if route.answers else []
    shapes.append((ProblemAnswer, "serialization"))
    _, schema = models_json_schema(shapes, ref_template=REFERENCE)
    return dict(schema["$defs"])
