"""The table of routes: what each takes, answers and refuses. HTTP and OpenAPI both read it."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel

from services.recommender.answering import Answerer
from services.recommender.answers import ModelAnswer, RankAnswer, RecommendAnswer, SimilarAnswer
from services.recommender.schemas import RankRequest, RecommendRequest, SimilarRequest

KEYED = ("unauthenticated", "method-not-allowed", "internal")
OPEN = ("method-not-allowed", "internal")
BODY = (
    "malformed-json",
    "not-finite",
    "number-out-of-range",
    "too-deep",
    "duplicate-key",
    "request-timeout",
    "body-too-large",
    "unsupported-media-type",
    "unsupported-encoding",
    "invalid-body",
    "invalid-field",
    "unknown-field",
    "too-long",
    "too-many",
)
ANSWERING = ("not-ready", "store-unavailable", "too-slow")


@dataclass(frozen=True)
class Route:
    """One path; it takes one method."""

    path: str
    method: str
    summary: str
    problems: tuple[str, ...]
    """Codes of the problems that it may answer."""
    takes: type[BaseModel] | None = None
    answers: type[BaseModel] | None = None
    call: Callable[[Answerer, Any, str], BaseModel] | None = None
    """The answer to a request and its id; None for routes that the application answers itself."""

    @property
    def needs_key(self) -> bool:
        """Everything below /v1 asks for the API key."""
        return self.path.startswith("/v1/")


def _asked(path: str, summary: str, **shapes: Any) -> Route:
    return Route(path, "POST", summary, KEYED + BODY + ANSWERING, **shapes)


_ALL = (
    _asked(
        "/v1/recommend",
        "The k best unseen items for a user",
        takes=RecommendRequest,
        answers=RecommendAnswer,
        call=Answerer.recommend,
    ),
    _asked(
        "/v1/rank",
        "Given items in the order of a user's interest",
        takes=RankRequest,
        answers=RankAnswer,
        call=Answerer.rank,
    ),
    _asked(
        "/v1/similar",
        "The nearest items of an item",
        takes=SimilarRequest,
        answers=SimilarAnswer,
        call=Answerer.similar,
    ),
    Route("/v1/model", "GET", "The release that answers here", KEYED, answers=ModelAnswer),
    Route("/readyz", "GET", "Whether requests are answered", (*OPEN, "not-ready")),
    Route("/metrics", "GET", "Prometheus metrics", OPEN),
    Route("/openapi.json", "GET", "This document", OPEN),
)
ROUTES = {route.path: route for route in _ALL}
