"""Golden requests through HTTP: a slot must answer what the artifact answered to the gate.

A golden request names its history, profile and moment itself, so no state of the slot comes in.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from pipelines import storage
from pipelines.errors import GoldenMismatch

TOLERANCE = 1e-4  # absolute, on scores and predictions; another processor may add differently


def replay(client: httpx.Client, url: str, artifact: Path) -> int:
    """Asks a slot all golden requests of an artifact folder.

    Args:
        client: Sends the API key.
        url: The slot's.
        artifact: Folder with golden.json and manifest.json.

    Returns:
        How many there were.

    Raises:
        GoldenMismatch: There are none, or an answer differs; names the request and the difference.
    """
    requests = storage.read_json(artifact / "golden.json")["requests"]
    heads = storage.read_json(artifact / "manifest.json")["heads"]
    if not requests:
        raise GoldenMismatch("there are no golden requests", where=[str(artifact)])
    for request in requests:
        found = _ask(client, url, request, heads)
        if found:
            raise GoldenMismatch(
                f"golden request {request['name']!r}: {found}",
                where=[url],
                hint="the Bento does not serve what the gate judged: package it again",
            )
    return len(requests)


def as_request(golden: Mapping[str, Any]) -> dict[str, Any]:
    """The body for /v1/recommend that asks the same."""
    history = [
        {**entry, "timestamp": storage.micros_to_rfc3339(entry["timestamp"])}
        for entry in golden["history"]
    ]
    return {
        "history": history,
        "profile": golden["profile"],
        "k": golden["k"],
        "exclude_seen": False,
        "context": {"timestamp": storage.micros_to_rfc3339(golden["now"])},
    }


def difference(
    items: list[dict[str, Any]], expected: Mapping[str, Any], heads: list[str]
) -> str | None:
    """How a slate differs from the expected one; None when it does not.

    Items whose scores lie within the tolerance may change places.
    """
    if len(items) != len(expected["item_ids"]):
        return f"{len(items)} items, expected {len(expected['item_ids'])}"
    known = dict(
        zip(
            expected["item_ids"],
            zip(expected["scores"], expected["predictions"], strict=True),
            strict=True,
        )
    )
    for item, score in zip(items, expected["scores"], strict=True):
        own_score, predictions = known.get(item["item_id"], (score, None))
        if not (_is_close(item["score"], score) and _is_close(item["score"], own_score)):
            return f"item {item['item_id']!r} scores {item['score']}, expected {own_score}"
        for head, value in zip(heads, predictions or [], strict=predictions is not None):
            if not _is_close(item["predictions"][head], value):
                return (
                    f"item {item['item_id']!r}: {head} {item['predictions'][head]}, "
                    f"expected {value}"
                )
    return None


def _ask(client: httpx.Client, url: str, golden: Mapping[str, Any], heads: list[str]) -> str | None:
    try:
        answer = client.post(f"{url}/v1/recommend", json=as_request(golden))
    except httpx.HTTPError as error:
        return f"no answer ({type(error).__name__})"
    if answer.status_code != httpx.codes.OK:
        return f"answered with {answer.status_code}: {answer.text[:200]}"
    return difference(answer.json()["items"], golden["expected"], heads)


def _is_close(found: float | None, wanted: float) -> bool:
    return found is not None and abs(found - wanted) <= TOLERANCE
