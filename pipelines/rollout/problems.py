"""What the gateway itself answers (RFC 9457), in the same shape as the service's problems."""

from dataclasses import dataclass
from typing import Any

RETRY_AFTER_SECONDS = "5"
MEDIA_TYPE = "application/problem+json"
TYPE_PREFIX = "/problems/"


@dataclass(frozen=True)
class Problem:
    """One kind of answer: its code, status and words."""

    code: str
    status: int
    title: str
    detail: str
    only_if: dict[str, Any] | None = None
    """Envoy's filter that tells this one from others of its status; those come first."""


def _flags(*flags: str) -> dict[str, Any]:
    return {"response_flag_filter": {"flags": list(flags)}}


_COMPRESSED = {"header_filter": {"header": {"name": "content-encoding", "present_match": True}}}

# Codes and titles are the service's own (services/recommender/problems.py) where it has them.
PROBLEMS = (
    Problem("malformed-request", 400, "the request is not valid HTTP", "it cannot be parsed"),
    Problem("not-found", 404, "there is nothing at this path", "see /openapi.json for the paths"),
    Problem("request-timeout", 408, "the request came too slowly", "send it within 10 s"),
    Problem("body-too-large", 413, "the body is too large", "at most 1 MiB"),
    Problem(
        "unsupported-encoding",
        415,
        "the body is encoded",
        "send it without Content-Encoding",
        _COMPRESSED,
    ),
    Problem(
        "unsupported-media-type",
        415,
        "the body is not plain JSON",
        "send Content-Type: application/json",
    ),
    Problem("headers-too-large", 431, "the headers are too large", "at most 100, of 60 kB"),
    Problem("bad-gateway", 502, "the model service failed", "try again"),
    Problem(
        "slot-unavailable",
        503,
        "the model service cannot answer now",
        "it restarts by itself; try again",
        _flags("UH", "UF", "UC", "URX", "UO", "LR", "UR"),
    ),
    Problem("overloaded", 503, "the gateway is overloaded", "try again later", _flags("OM")),
    Problem("no-champion", 503, "no model is live yet", "deploy a version first"),
    Problem("upstream-timeout", 504, "the model service took too long", "try again"),
)


def direct(code: str) -> dict[str, Any]:
    """A route's action that answers with this problem."""
    problem = next(problem for problem in PROBLEMS if problem.code == code)
    return {"direct_response": {"status": problem.status}}


def local_replies() -> dict[str, Any]:
    """Envoy's `local_reply_config`: each answer of its own becomes a problem."""
    other = Problem("gateway", 0, "the gateway refused the request", "see the status")
    return {"mappers": [_mapper(problem) for problem in PROBLEMS], "body_format": _body(other)}


def _mapper(problem: Problem) -> dict[str, Any]:
    mapper: dict[str, Any] = {"filter": _filter(problem), "body_format_override": _body(problem)}
    if problem.status in (503, 504):
        header = {"key": "retry-after", "value": RETRY_AFTER_SECONDS}
        mapper["headers_to_add"] = [{"header": header}]
    return mapper


def _filter(problem: Problem) -> dict[str, Any]:
    comparison = {"op": "EQ", "value": {"default_value": problem.status, "runtime_key": "none"}}
    status = {"status_code_filter": {"comparison": comparison}}
    if problem.only_if is None:
        return status
    return {"and_filter": {"filters": [status, problem.only_if]}}


def _body(problem: Problem) -> dict[str, Any]:
    return {
        "content_type": MEDIA_TYPE,
        "json_format": {
            "type": TYPE_PREFIX + problem.code,
            "title": problem.title,
            "status": "%RESPONSE_CODE%",
            "detail": problem.detail,
            "code": problem.code,
            "instance": "%PATH(NQ)%",
            "request_id": "%REQ(X-REQUEST-ID)%",
        },
    }
