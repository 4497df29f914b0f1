"""The HTTP side: routes, keys, bodies and problems. What an answer says is decided elsewhere.

It stands in front of BentoML's own routes: those answer an invalid field with 400 and without a
pointer, and their metrics label by raw path.
"""

import asyncio
import logging
import os
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any, TypeVar

import orjson
from pydantic import BaseModel, ValidationError
from starlette.datastructures import Headers
from starlette.types import Receive, Scope, Send

from services.recommender import body, metrics, openapi, problems
from services.recommender.answering import Answerer
from services.recommender.answers import ModelAnswer, Release, Slot
from services.recommender.auth import ApiKey
from services.recommender.online import StoreUnavailable
from services.recommender.problems import Problem
from services.recommender.routes import ROUTES
from services.recommender.startup import RETRY, Startup

logger = logging.getLogger(__name__)

BODY_SECONDS = 10.0
ANSWER_SECONDS = 8.0  # below the gateway's 10, so that the caller gets our reason
JSON = "application/json"
METRICS = "/metrics"
STANDING = {"cache-control": "no-store", "x-content-type-options": "nosniff"}
CLOSE = {"Connection": "close"}
NOT_OURS = "other"  # the route label of unknown paths
_REQUEST_ID = re.compile(r"[A-Za-z0-9._-]{8,64}")

Result = TypeVar("Result")


class ClientLeft(Exception):
    """The connection was closed before the request was complete: nobody waits for an answer."""


class Application:
    """Answers HTTP requests; one per worker."""

    def __init__(self, startup: Startup, key: ApiKey, release: Release, slot: Slot | None) -> None:
        self._startup = startup
        self._key = key
        self._release = release
        self._slot = slot
        self._metrics = metrics.Metrics()
        self._metrics.describe(release, slot)
        # one thread: it owns the store's connection, and TensorFlow has one thread anyway
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="answer")
        self._thread.submit(startup.run)
        self._own: dict[str, Callable[[], Awaitable[bytes]]] = {
            "/v1/model": self._model,
            "/readyz": self._ready,
            METRICS: self._metrics_text,
            "/openapi.json": self._openapi,
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One HTTP request, answered by a body or by a problem, never by an exception."""
        started = time.perf_counter()
        call = Call(scope, receive)
        try:
            status, media_type = 200, JSON
            extra: Mapping[str, str] = {}
            content = await self._answer(call)
            if call.path == METRICS:
                media_type = metrics.MEDIA_TYPE
        except ClientLeft:
            return
        except Exception as error:
            problem = _as_problem(error, call.request_id)
            status, media_type, extra = problem.status, problems.MEDIA_TYPE, problem.headers
            content = problem.body(call.request_id, call.route.path if call.route else None)
            self._metrics.problems.labels(call.label, problem.code).inc()
        await _send(send, status, content, {**STANDING, "content-type": media_type, **extra}, call)
        self._metrics.requests.labels(call.label, str(status)).inc()
        self._metrics.seconds.labels(call.label).observe(time.perf_counter() - started)

    async def _answer(self, call: "Call") -> bytes:
        if call.path.startswith("/v1/"):
            # first of all, so that a stranger does not learn which paths there are
            self._key.check(call.headers.get("authorization"))
        route = call.route
        if route is None:
            raise Problem("not-found", "see /openapi.json for the routes")
        if call.method != route.method:
            detail = f"this path takes {route.method}"
            raise Problem("method-not-allowed", detail, headers={"Allow": route.method})
        if route.takes is not None and route.call is not None:
            return await self._asked(call, route.takes, route.call)
        return await self._own[call.path]()

    async def _asked(
        self,
        call: "Call",
        takes: type[BaseModel],
        answer: Callable[[Answerer, Any, str], BaseModel],
    ) -> bytes:
        _check_media(call.headers)
        value = body.parse(await _read(call))
        try:
            request = takes.model_validate(value)
        except ValidationError as error:
            raise problems.from_validation(error, takes) from error
        answerer = self._startup.answerer()
        answered = await self._in_thread(lambda: answer(answerer, request, call.request_id))
        self._metrics.count(answered)
        return answered.model_dump_json(exclude_unset=True).encode()

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        loop = asyncio.get_running_loop()
        try:
            return await asyncio.wait_for(loop.run_in_executor(self._thread, work), ANSWER_SECONDS)
        except TimeoutError as error:
            detail = f"there was no answer within {ANSWER_SECONDS:.0f} s"
            raise Problem("too-slow", detail, headers=RETRY) from error

    async def _model(self) -> bytes:
        answer = ModelAnswer(**self._release.model_dump(), slot=self._slot, pid=os.getpid())
        return answer.model_dump_json().encode()

    async def _ready(self) -> bytes:
        answerer = self._startup.answerer()
        if not answerer.is_open:
            await self._in_thread(answerer.open_store)
        return orjson.dumps({"status": "ready", "version": self._release.version})

    async def _metrics_text(self) -> bytes:
        self._metrics.ready.set(self._startup.is_ready)
        return self._metrics.exposition()

    async def _openapi(self) -> bytes:
        return orjson.dumps(openapi.document(self._release.version))


class Call:
    """What the application reads of one HTTP request."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        self.receive = receive
        self.headers = Headers(scope=scope)
        self.path: str = scope["path"]
        self.route = ROUTES.get(self.path)
        self.method = "GET" if scope["method"] == "HEAD" else scope["method"]
        given = self.headers.get("x-request-id", "")
        self.request_id = given if _REQUEST_ID.fullmatch(given) else secrets.token_hex(16)

    @property
    def label(self) -> str:
        """The route as a metric's label; one for all paths that are none of ours."""
        return self.route.path if self.route else NOT_OURS


def _check_media(headers: Headers) -> None:
    encoding = headers.get("content-encoding", "identity").strip().lower()
    if encoding != "identity":
        raise Problem("unsupported-encoding", "send the body without Content-Encoding")
    media_type = headers.get("content-type", "").partition(";")[0].strip().lower()
    if media_type != JSON:
        raise Problem("unsupported-media-type", "send Content-Type: application/json")


async def _read(call: Call) -> bytes:
    announced = call.headers.get("content-length", "")
    if announced.isdecimal() and int(announced) > body.MAX_BYTES:
        raise _too_large()
    chunks, size = [], 0
    try:
        async with asyncio.timeout(BODY_SECONDS):
            while True:
                message = await call.receive()
                if message["type"] == "http.disconnect":
                    raise ClientLeft
                chunks.append(message.get("body", b""))
                size += len(chunks[-1])
                if size > body.MAX_BYTES:
                    raise _too_large()
                if not message.get("more_body", False):
                    return b"".join(chunks)
    except TimeoutError as error:
        detail = f"the body did not arrive within {BODY_SECONDS:.0f} s"
        raise Problem("request-timeout", detail, headers=CLOSE) from error


def _too_large() -> Problem:
    detail = f"the body must have at most {body.MAX_BYTES} bytes"
    return Problem("body-too-large", detail, headers=CLOSE)


def _as_problem(error: Exception, request_id: str) -> Problem:
    if isinstance(error, Problem):
        return error
    if isinstance(error, StoreUnavailable):
        logger.error("request %s: %s", request_id, error)
        return Problem("store-unavailable", "try again soon", headers=RETRY)
    logger.error("request %s failed", request_id, exc_info=error)
    return Problem("internal", "this is a bug of ours; the log has it under this request_id")


async def _send(
    send: Send, status: int, content: bytes, headers: Mapping[str, str], call: Call
) -> None:
    pairs = {**headers, "x-request-id": call.request_id, "content-length": str(len(content))}
    raw = [(name.lower().encode(), value.encode()) for name, value in pairs.items()]
    await send({"type": "http.response.start", "status": status, "headers": raw})
    await send({"type": "http.response.body", "body": content})
