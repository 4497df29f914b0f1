"""Golden requests of every family: each corner in the file, in a process, and through HTTP."""

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import numpy as np
import pytest
import uvicorn

from pipelines.models.artifact import GOLDEN, read_golden
from pipelines.models.golden import LONGER, LONGEST, differences, to_queries
from pipelines.rollout import golden
from services.recommender.application import Application
from services.recommender.auth import ApiKey
from services.recommender.startup import Settings, Startup
from tests.behaviour.conftest import FAMILIES
from tests.integration import serving

READY_SECONDS = 60.0
CORNERS = {
    "empty history",
    LONGEST,
    LONGER,
    "unknown items",
    "only unknown items",
    "unknown profile",
    "nothing known",
    "k of 1",
    "large k",
    "all items excluded",
}


@pytest.fixture
def requests(model):
    return {request.name: request for request in read_golden(model.folder).requests}


def test_every_corner_is_in_the_file(model, requests):
    """Would catch a corner that is no longer asked."""
    n_items, max_history = len(model.manifest.item_ids), model.manifest.max_history

    assert requests.keys() >= CORNERS
    assert requests["large k"].k == requests["large k"].expected.n_items == n_items
    assert len(requests[LONGEST].history) == max_history
    assert len(requests[LONGER].history) > max_history


def test_longer_history_is_answered_as_its_newest_part(requests):
    """Would catch a signature that reads beyond its maximum, or cuts at the wrong end."""
    assert differences(requests[LONGEST].expected, requests[LONGER].expected) == []


def test_nothing_is_answered_where_nothing_is_allowed(model, requests):
    """Would catch a mask of nothing that is taken for none, and garbage in empty places."""
    request = requests["all items excluded"]
    queries = to_queries([request], model.manifest.profile_fields)
    allow = np.zeros((1, len(model.manifest.item_ids)), dtype=bool)

    slates = model.recommend(queries, allow, request.k)

    assert request.expected.n_items == 0
    assert set(slates.item_ids[0]) == {""}
    assert np.isneginf(slates.scores).all()
    assert np.isnan(slates.predictions).all()


def test_long_answers_do_not_make_the_file_long(requests):
    """Would catch a whole catalogue written down."""
    assert max(len(request.expected.item_ids) for request in requests.values()) == 20


@pytest.mark.parametrize("family", FAMILIES)
def test_every_corner_is_answered_alike_through_http(family, artifacts, tmp_path):
    """Would catch a service that pads, cuts, excludes or fills otherwise than the gate."""
    artifact = artifacts(family)
    path = artifact.folder / GOLDEN
    requests = json.loads(path.read_text())["requests"]

    with _served(artifact.folder, tmp_path) as client:
        count = golden.replay(client, str(client.base_url).rstrip("/"), artifact.folder)
        nothing = next(request for request in requests if request["allow"] == "none")
        body = golden.as_request(nothing, artifact.manifest.item_ids)
        answer = client.post("/v1/recommend", json=body).json()

    assert count == len(requests)
    assert answer["items"] == []
    assert "nothing-left" in [warning["code"] for warning in answer["warnings"]]


@contextmanager
def _served(folder: Path, home: Path) -> Iterator[httpx.Client]:
    """The service's application on a port, without the bento around it."""
    release = serving.make_release(folder)
    (home / "identity").write_text(serving.IDENTITY_KEY.hex() + "\n")
    serving.write_online_store(home / "online.sqlite", {}, {})
    settings = Settings("blue", home / "api", home / "identity", home / "online.sqlite")
    application = Application(
        Startup(folder, settings, release), ApiKey(serving.KEY), release, "blue"
    )
    listener = socket.create_server(("127.0.0.1", 0))
    port = listener.getsockname()[1]
    server = uvicorn.Server(uvicorn.Config(application, lifespan="off", log_level="error"))
    thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
    thread.start()
    headers = {"Authorization": f"Bearer {serving.KEY}"}
    try:
        with httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers) as client:
            _wait_until_ready(client)
            yield client
    finally:
        server.should_exit = True
        thread.join(timeout=30)


def _wait_until_ready(client: httpx.Client) -> None:
    deadline, said = time.monotonic() + READY_SECONDS, "nothing"
    while time.monotonic() < deadline:
        try:
            answer = client.get("/readyz")
        except httpx.TransportError as error:
            said = str(error)
        else:
            if answer.is_success:
                return
            said = answer.text
        time.sleep(0.05)
    raise AssertionError(f"not ready in time: {said}")
