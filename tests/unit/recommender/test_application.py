"""The HTTP side alone: a worker whose model is not there refuses in good order."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from services.recommender import application
from services.recommender.answers import ModelAnswer, Release
from services.recommender.application import Application
from services.recommender.auth import ApiKey
from services.recommender.startup import Settings, Startup

KEY = "tk_0123456789abcdef"
RELEASE = Release(
    **{
        name: value
        for name, value in ModelAnswer.model_config["json_schema_extra"]["examples"][0].items()
        if name not in ("slot", "pid")
    }
)
AUTHORIZED = [(b"authorization", f"Bearer {KEY}".encode()), (b"content-type", b"application/json")]

Message = dict[str, Any]


@pytest.fixture
def worker(tmp_path: Path) -> Application:
    """Its artifact folder is empty, so start-up ends with a refusal."""
    settings = Settings("blue", tmp_path / "api", tmp_path / "identity", tmp_path / "online.sqlite")
    return Application(Startup(tmp_path, settings, RELEASE), ApiKey(KEY), RELEASE, "blue")


def call(
    worker: Application, receive: Callable[[], Awaitable[Message]], *headers: tuple[bytes, bytes]
) -> tuple[int, dict[str, str], Any]:
    """One POST /v1/recommend: status, headers and JSON of the answer."""
    sent: list[Message] = []

    async def send(message: Message) -> None:
        sent.append(message)

    scope = {
        "type": "http",
        "method": "POST",
        "path": "/v1/recommend",
        "headers": [*AUTHORIZED, *headers],
    }
    asyncio.run(worker(scope, receive, send))
    if not sent:
        return 0, {}, None
    head = {name.decode(): value.decode() for name, value in sent[0]["headers"]}
    return sent[0]["status"], head, json.loads(sent[1]["body"])


def sending(*messages: Message) -> Callable[[], Awaitable[Message]]:
    left = list(messages)

    async def receive() -> Message:
        return left.pop(0)

    return receive


def test_a_model_that_is_not_there_is_said_with_a_time_to_try_again(worker: Application) -> None:
    status, headers, problem = call(worker, sending({"type": "http.request", "body": b"{}"}))

    assert status == 503
    assert headers["retry-after"] == "1"
    assert problem["code"] == "not-ready"


def test_a_body_in_pieces_is_read_whole(worker: Application) -> None:
    pieces = [
        {"type": "http.request", "body": b'{"k":', "more_body": True},
        {"type": "http.request", "body": b" 0}"},
    ]

    _, _, problem = call(worker, sending(*pieces))

    assert problem["errors"][0]["pointer"] == "/k"


def test_chunks_without_end_stop_at_the_limit(worker: Application) -> None:
    async def receive() -> Message:
        return {"type": "http.request", "body": b"x" * 65_536, "more_body": True}

    status, headers, problem = call(worker, receive)

    assert status == 413
    assert headers["connection"] == "close"
    assert problem["code"] == "body-too-large"


def test_a_length_above_the_limit_is_refused_before_the_body_is_read(worker: Application) -> None:
    status, _, _ = call(worker, sending(), (b"content-length", b"10000000"))

    assert status == 413


def test_a_body_that_does_not_come_is_given_up(
    worker: Application, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(application, "BODY_SECONDS", 0.01)

    async def receive() -> Message:
        return await asyncio.Future()

    status, headers, problem = call(worker, receive)

    assert status == 408
    assert headers["connection"] == "close"
    assert problem["code"] == "request-timeout"


def test_a_client_that_leaves_is_not_answered(worker: Application) -> None:
    pieces = [
        {"type": "http.request", "body": b"{", "more_body": True},
        {"type": "http.disconnect"},
    ]

    status, _, _ = call(worker, sending(*pieces))

    assert status == 0


def test_a_bug_is_answered_without_its_words(
    worker: Application, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(content: bytes) -> None:
        raise KeyError("/secret/path")

    monkeypatch.setattr(application.body, "parse", broken)

    status, _, problem = call(worker, sending({"type": "http.request", "body": b"{}"}))

    assert status == 500
    assert problem["code"] == "internal"
    assert "secret" not in json.dumps(problem)
    assert problem["request_id"] in caplog.text


@pytest.mark.parametrize("missing", ["TANDEM_API_KEY_FILE", "TANDEM_ONLINE_DB"])
def test_a_missing_setting_is_named(missing: str) -> None:
    names = ("TANDEM_API_KEY_FILE", "TANDEM_IDENTITY_KEY_FILE", "TANDEM_ONLINE_DB")
    environment = {name: "x" for name in names if name != missing}

    with pytest.raises(RuntimeError, match=missing):
        Settings.read(environment)


def test_a_strange_slot_is_refused() -> None:
    names = ("TANDEM_API_KEY_FILE", "TANDEM_IDENTITY_KEY_FILE", "TANDEM_ONLINE_DB")

    with pytest.raises(RuntimeError, match="blue"):
        Settings.read({**dict.fromkeys(names, "x"), "TANDEM_SLOT": "red"})
