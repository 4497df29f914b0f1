"""What the tests of the service ask and how they look at answers."""

from typing import Any

import httpx

from tests.integration.tiny_catalogue import ITEM_IDS

SEEN = [ITEM_IDS[3], ITEM_IDS[1], ITEM_IDS[4]]
FOLLOWING = ITEM_IDS[5]  # the ring's answer to a history that ends with ITEM_IDS[4]
TITLES = {item_id: f"Title of {item_id}" for item_id in ITEM_IDS}


def recommend(client: httpx.Client, **request: Any) -> dict[str, Any]:
    answer = client.post("/v1/recommend", json=request)
    assert answer.status_code == 200, answer.text
    return answer.json()


def ids(answer: dict[str, Any]) -> list[str]:
    return [item["item_id"] for item in answer["items"]]


def codes(answer: dict[str, Any]) -> list[str]:
    return [warning["code"] for warning in answer["warnings"]]


def assert_problem(answer: httpx.Response, status: int, code: str) -> dict[str, Any]:
    """The one assertion for every refusal: RFC 9457, with the same request id everywhere."""
    assert answer.status_code == status, answer.text
    assert answer.headers["content-type"] == "application/problem+json"
    problem: dict[str, Any] = answer.json()
    assert problem["status"] == status
    assert problem["code"] == code
    assert problem["type"].endswith(f"/{code}")
    assert problem["request_id"] == answer.headers["x-request-id"]
    assert problem["title"]
    assert problem["detail"]
    return problem


def worker_pid(client: httpx.Client) -> int:
    pid: int = client.get("/v1/model").json()["pid"]
    return pid
