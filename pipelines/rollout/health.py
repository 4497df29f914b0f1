"""Whether services say that they are well: short questions, all at once, none waited for long."""

import http.client
import json
import threading
import time
from collections.abc import Callable
from typing import TypeVar

LOOPBACK = "127.0.0.1"
TIMEOUT_SECONDS = 0.8
OK = 200

Answer = TypeVar("Answer")


def gateway_is_healthy(admin_port: int) -> bool:
    """Whether Envoy takes requests."""
    return _get(admin_port, "/ready") is not None


def airflow_is_healthy(port: int) -> bool:
    """Whether every component of Airflow is healthy."""
    body = _get(port, "/api/v2/monitor/health")
    try:
        parts = json.loads(body or b"{}").values()
        return bool(parts) and all(part["status"] == "healthy" for part in parts)
    except (ValueError, TypeError, KeyError, AttributeError):
        return False


def together(questions: dict[str, Callable[[], Answer]], seconds: float) -> dict[str, Answer]:
    """Answers that came in time, by name; a question that hangs is left behind."""
    answers: dict[str, Answer] = {}

    def ask(name: str) -> None:
        answers[name] = questions[name]()

    threads = [threading.Thread(target=ask, args=(name,), daemon=True) for name in questions]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + seconds
    for thread in threads:
        thread.join(max(0.0, deadline - time.monotonic()))
    return dict(answers)


def _get(port: int, path: str) -> bytes | None:
    """The body of a 200; None for anything else."""
    connection = http.client.HTTPConnection(LOOPBACK, port, timeout=TIMEOUT_SECONDS)
    try:
        connection.request("GET", path)
        answer = connection.getresponse()
        body = answer.read()
        return body if answer.status == OK else None
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
