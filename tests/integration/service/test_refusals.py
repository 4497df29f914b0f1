"""A real bento behind real HTTP: what it refuses, and that it stays up."""

import json
import socket

import httpx
import pytest

from tests.integration import serving
from tests.integration.service.asking import (
    assert_problem,
    ids,
    recommend,
    worker_pid,
)


@pytest.fixture(scope="module")
def first_pid(served: serving.Served) -> int:
    """The worker's, before anything bad was sent."""
    with served.client() as client:
        return worker_pid(client)


def raw(served: serving.Served, request: bytes) -> bytes:
    """What comes back for bytes that no HTTP client would send."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=15) as connection:
        connection.sendall(request)
        return connection.recv(65_536)


BAD_BODIES = [
    pytest.param(b"", 400, "malformed-json", id="empty"),
    pytest.param(b'{"k": 1', 400, "malformed-json", id="truncated"),
    pytest.param(b"{'k': 1}", 400, "malformed-json", id="single quotes"),
    pytest.param(b'{"k": 1} {}', 400, "malformed-json", id="trailing text"),
    pytest.param('{"k": 1}'.encode("utf-16"), 400, "malformed-json", id="UTF-16"),
    pytest.param(b'\xef\xbb\xbf{"k": 1}', 400, "malformed-json", id="byte order mark"),
    pytest.param(b'{"user_id": "\\ud800"}', 400, "malformed-json", id="lone surrogate"),
    pytest.param(b'{"user_id": "\xff"}', 400, "malformed-json", id="invalid UTF-8"),
    pytest.param(b'{"k": NaN}', 400, "not-finite", id="NaN"),
    pytest.param(b'{"k": -Infinity}', 400, "not-finite", id="infinity"),
    pytest.param(b'{"k": 1e999}', 400, "not-finite", id="1e999"),
    pytest.param(b'{"k": 1, "k": 2}', 400, "duplicate-key", id="duplicate key"),
    pytest.param(b"[" * 1_000 + b"]" * 1_000, 400, "too-deep", id="1,000 deep"),
    pytest.param(b'{"a":' * 100_000 + b"1" + b"}" * 100_000, 400, "too-deep", id="100,000 deep"),
    pytest.param(b'{"k": %s}' % (b"9" * 5_000), 400, "number-out-of-range", id="5,000 digits"),
    pytest.param(b'{"k": 1%s}' % (b"0" * 30), 400, "number-out-of-range", id="10^30"),
    pytest.param(b"[]", 422, "invalid-body", id="array"),
    pytest.param(b'"x"', 422, "invalid-body", id="text"),
    pytest.param(b'{"k": 0}', 422, "invalid-field", id="k of 0"),
    pytest.param(b'{"k": 1001}', 422, "invalid-field", id="k of 1,001"),
    pytest.param(b'{"k": 1000000000}', 422, "invalid-field", id="k of 10^9"),
    pytest.param(b'{"k": "10"}', 422, "invalid-field", id="k as text"),
    pytest.param(b'{"k": true}', 422, "invalid-field", id="k as boolean"),
    pytest.param(b'{"k": 1.0}', 422, "invalid-field", id="k as decimal"),
    pytest.param(b'{"history": {}}', 422, "invalid-field", id="history as object"),
    pytest.param(b'{"user_id": ""}', 422, "invalid-field", id="empty user id"),
    pytest.param(b'{"user_id": " "}', 422, "invalid-field", id="blank user id"),
    pytest.param(b'{"user_id": 196}', 422, "invalid-field", id="numeric user id"),
    pytest.param(b'{"user_id": "a\\u0000"}', 422, "invalid-field", id="NUL in user id"),
    pytest.param(b'{"user_id": "p1_00"}', 422, "invalid-field", id="pseudonym as raw id"),
    pytest.param(b'{"user_id": "%s"}' % (b"u" * 257), 422, "too-long", id="257 characters"),
    pytest.param(b'{"user_id": "%s"}' % (b"u" * 4_096), 422, "too-long", id="4 kB"),
    pytest.param(
        json.dumps({"history": [{"item_id": "1"}] * 10_000}).encode(),
        422,
        "too-many",
        id="history of 10,000",
    ),
    pytest.param(
        json.dumps({"exclude": ["1"] * 100_000}).encode(), 422, "too-many", id="exclude of 10^5"
    ),
    pytest.param(b'{"exclude_sen": true}', 422, "unknown-field", id="misspelt field"),
    pytest.param(b'{"filter": {}}', 422, "unknown-field", id="field not built yet"),
    pytest.param(b'{"k": "%s"}' % (b"x" * 10_000_000), 413, "body-too-large", id="10 MB"),
]


@pytest.mark.parametrize(("content", "status", "code"), BAD_BODIES)
@pytest.mark.usefixtures("first_pid")
def test_a_bad_body_is_a_problem(
    client: httpx.Client, content: bytes, status: int, code: str
) -> None:
    headers = {"Content-Type": "application/json"}

    answer = client.post("/v1/recommend", content=content, headers=headers)

    assert_problem(answer, status, code)


@pytest.mark.parametrize("path", ["/v1/recommend", "/v1/rank", "/v1/similar"])
@pytest.mark.parametrize(
    "media_type",
    [
        "application/vnd.bentoml+pickle",
        "application/octet-stream",
        "multipart/form-data; boundary=x",
        "text/json",
        "",
    ],
)
def test_only_json_is_read(client: httpx.Client, path: str, media_type: str) -> None:
    pickle = b"\x80\x04\x8c\x05posix\x8c\x06system\x93\x8c\x04true\x85R."

    answer = client.post(path, content=pickle, headers={"Content-Type": media_type})

    assert_problem(answer, 415, "unsupported-media-type")


def test_a_compressed_body_is_not_unpacked(client: httpx.Client) -> None:
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}

    answer = client.post("/v1/recommend", content=b"\x1f\x8b", headers=headers)

    assert_problem(answer, 415, "unsupported-encoding")


@pytest.mark.parametrize(
    "authorization",
    ["", "Bearer", "Bearer wrong", f"Basic {serving.KEY}", serving.KEY],
    ids=["none", "no key", "wrong key", "other scheme", "no scheme"],
)
@pytest.mark.parametrize("path", ["/v1/recommend", "/v1/model", "/v1/nothing"])
def test_without_the_key_nothing_below_v1_is_answered(
    served: serving.Served, path: str, authorization: str
) -> None:
    headers = {"Authorization": authorization} if authorization else {}

    answer = httpx.post(f"{served.url}{path}?key={serving.KEY}", json={}, headers=headers)

    assert_problem(answer, 401, "unauthenticated")
    assert answer.headers["www-authenticate"].startswith("Bearer")


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("GET", "/v1/recommend", "POST"),
        ("OPTIONS", "/v1/recommend", "POST"),
        ("TRACE", "/v1/rank", "POST"),
        ("DELETE", "/v1/similar", "POST"),
        ("POST", "/v1/model", "GET"),
        ("PUT", "/readyz", "GET"),
    ],
)
def test_a_wrong_method_is_told_the_right_one(
    client: httpx.Client, method: str, path: str, allowed: str
) -> None:
    answer = client.request(method, path)

    assert_problem(answer, 405, "method-not-allowed")
    assert answer.headers["allow"] == allowed


@pytest.mark.parametrize(
    "path",
    ["/", "/v1", "/v1/", "/v1/recommend/", "//v1//recommend", "/docs.json", "/schema.json"],
)
def test_an_unknown_path_is_a_problem_too(client: httpx.Client, path: str) -> None:
    assert_problem(client.get(path), 404, "not-found")


@pytest.mark.parametrize(
    "head",
    [
        b"Content-Length: 5\r\nContent-Length: 6\r\n",
        b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n",
        b"X-Request-Id: a\rb\r\nContent-Length: 2\r\n",
        b"Content-Length: -1\r\n",
    ],
    ids=["two lengths", "length and chunks", "bare CR", "negative length"],
)
def test_ambiguous_http_is_refused(served: serving.Served, head: bytes) -> None:
    authorization = f"Authorization: Bearer {serving.KEY}\r\n".encode()
    request = b"POST /v1/recommend HTTP/1.1\r\nHost: x\r\n" + authorization + head

    assert raw(served, request + b"\r\n{}").startswith(b"HTTP/1.1 400")


def test_after_all_this_the_same_worker_answers(
    client: httpx.Client, served: serving.Served, first_pid: int
) -> None:
    assert worker_pid(client) == first_pid
    assert len(ids(recommend(client, user_id="196"))) == 10
    assert "Traceback" not in served.log
