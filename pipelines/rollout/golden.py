"""Golden requests through HTTP: a slot must answer what the artifact answered to the gate.

A golden request names its history, profile and moment itself, so no state of the slot comes in.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx

from pipelines import storage
from pipelines.errors import GoldenMismatch

SCHEMA = 2
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
    golden = storage.read_json(artifact / "golden.json")
    if golden["schema"] != SCHEMA:
        raise GoldenMismatch(
            f"golden requests of schema {golden['schema']}, and not {SCHEMA}",
            where=[str(artifact)],
            hint="this version comes from older code: train, and deploy the version made then",
        )
    requests = golden["requests"]
    manifest = storage.read_json(artifact / "manifest.json")
    if not requests:
        raise GoldenMismatch("there are no golden requests", where=[str(artifact)])
    for request in requests:
        found = _ask(client, url, request, manifest)
        if found:
            raise GoldenMismatch(
                f"golden request {request['name']!r}: {found}",
                where=[url],
                hint="the Bento does not serve what the gate judged: package it again",
            )
    return len(requests)


def as_request(golden: Mapping[str, Any], item_ids: list[str]) -> dict[str, Any]:
    """The body for /v1/recommend that asks the same.

    Args:
        golden: A golden request.
        item_ids: The catalogue; all of it is excluded where nothing is allowed.
    """
    history = [
        {**entry, "timestamp": storage.micros_to_rfc3339(entry["timestamp"])}
        for entry in golden["history"]
    ]
    return {
        "history": history,
        "profile": golden["profile"],
        "k": golden["k"],
        "exclude_seen": False,
        "exclude": item_ids if golden["allow"] == "none" else [],
        "context": {"timestamp": storage.micros_to_rfc3339(golden["now"])},
    }


def difference(
    items: list[dict[str, Any]], expected: Mapping[str, Any], heads: list[str]
) -> str | None:
    """How a slate differs from the expected one; None when it does not.

    Of a long slate the first and the last items are expected by name. Items whose scores lie within
    the tolerance may change places; so may one that is not named where the list breaks off.
    """
    n_items, n_listed = expected["n_items"], len(expected["item_ids"])
    if len(items) != n_items:
        return f"{len(items)} items, expected {n_items}"
    head = (n_listed + 1) // 2
    items = [*items[:head], *items[n_items - (n_listed - head) :]]
    gap = expected["scores"][head - 1 : head + 1] if n_listed < n_items else []
    edges = [*gap, *expected["scores"][-1:]]
    known = dict(
        zip(
            expected["item_ids"],
            zip(expected["scores"], expected["predictions"], strict=True),
            strict=True,
        )
    )
    for item, score in zip(items, expected["scores"], strict=True):
        own = known.get(item["item_id"])
        near = [own[0]] if own else edges
        is_near = any(_is_close(item["score"], one) for one in near)
        if not (_is_close(item["score"], score) and is_near):
            return f"item {item['item_id']!r} scores {item['score']}, expected {near[0]}"
        for name, value in zip(heads, own[1], strict=True) if own else ():
            if not _is_close(item["predictions"][name], value):
                return (
                    f"item {item['item_id']!r}: {name} {item['predictions'][name]}, "
                    f"expected {value}"
                )
    return None


def _ask(
    client: httpx.Client, url: str, golden: Mapping[str, Any], manifest: Mapping[str, Any]
) -> str | None:
    asked = as_request(golden, manifest["item_ids"])
    try:
        answer = client.post(f"{url}/v1/recommend", json=asked)
    except httpx.HTTPError as error:
        return f"no answer ({type(error).__name__})"
    if answer.status_code != httpx.codes.OK:
        return f"answered with {answer.status_code}: {answer.text[:200]}"
    return difference(answer.json()["items"], golden["expected"], manifest["heads"])


def _is_close(found: float | None, wanted: float) -> bool:
    return found is not None and abs(found - wanted) <= TOLERANCE
