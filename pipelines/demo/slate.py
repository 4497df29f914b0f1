"""A real recommendation for a real user, asked for through the gateway as any client would."""

import json
import shlex
from collections.abc import Mapping
from typing import Any

import httpx

from pipelines import storage
from pipelines.contracts.data import LandingManifest
from pipelines.contracts.operate import Shown
from pipelines.errors import RecommendationRefused
from pipelines.home import Home
from pipelines.rollout import client_env

TIMEOUT_SECONDS = 20.0
ROUTE = "/v1/recommend"


def typical_user(home: Home, key: str) -> str:
    """The raw id of a user with the median number of interactions in a landed partition.

    Only landing knows raw ids: accepted data are pseudonymous.
    """
    manifests = [
        storage.read_record(path, LandingManifest)
        for path in (home.landing / f"dt={key}").glob("r*/manifest.json")
    ]
    newest = max(manifest.revision for manifest in manifests)
    path = home.landing / f"dt={key}" / f"r{newest}" / "interactions.parquet"
    counts = storage.read_table(path, ["user_id"])["user_id"].value_counts()
    ordered = sorted(counts.items(), key=lambda pair: (pair[1], pair[0]))
    return str(ordered[len(ordered) // 2][0])


def request(user_id: str, title: str | None, k: int) -> dict[str, Any]:
    """The body that asks for a slate, with titles where the items have such a field."""
    return {"user_id": user_id, "k": k} | ({"return_fields": [title]} if title else {})


def ask(home: Home, body: Mapping[str, Any], title: str | None) -> list[Shown]:
    """The slate that the champion answers.

    Raises:
        RecommendationRefused: The gateway does not answer, or not with a slate.
    """
    client = client_env.read(home)
    url = client["TANDEM_URL"] + ROUTE
    headers = {"Authorization": f"Bearer {client['TANDEM_API_KEY']}"}
    try:
        answer = httpx.post(
            url, json=body, headers=headers, timeout=TIMEOUT_SECONDS, trust_env=False
        )
        answer.raise_for_status()
    except httpx.HTTPError as error:
        raise RecommendationRefused(
            f"no recommendation: {error}",
            where=[url],
            hint="`tandem status` shows the services, the home's logs/ what they say",
        ) from error
    return [_shown(item, title) for item in answer.json()["items"]]


def curl(home: Home, body: Mapping[str, Any]) -> str:
    """A command line for a shell that asks the same; the key stays in client.env."""
    words = [
        f". {shlex.quote(str(home.client_env))};",
        f'curl -sS "$TANDEM_URL{ROUTE}"',
        '-H "Authorization: Bearer $TANDEM_API_KEY"',
        "-H 'Content-Type: application/json'",
        f"-d {shlex.quote(json.dumps(body, ensure_ascii=False))}",
    ]
    return " ".join(words)


def _shown(item: Mapping[str, Any], title: str | None) -> Shown:
    return Shown(
        rank=item["rank"],
        item_id=item["item_id"],
        title=(item.get("fields") or {}).get(title) if title else None,
        score=item["score"],
        predictions=item["predictions"],
    )
