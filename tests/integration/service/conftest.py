"""One running slot for all tests of the service."""

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.integration import serving
from tests.integration.service.asking import SEEN, TITLES
from tests.integration.tiny_catalogue import ITEM_IDS


@pytest.fixture(scope="session")
def artifact(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return serving.write_tiny_artifact(tmp_path_factory.mktemp("model") / "artifact")


@pytest.fixture(scope="session")
def served(artifact: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[serving.Served]:
    home = tmp_path_factory.mktemp("slot")
    serving.prepare_home(home, artifact, serving.make_release(artifact))
    serving.write_online_store(home / "online.sqlite", {"196": SEEN, "né 🎬": ITEM_IDS}, TITLES)
    served = serving.start(home)
    try:
        serving.wait_until_answers(served, "/readyz", 200)
        yield served
    finally:
        served.stop()


@pytest.fixture
def client(served: serving.Served) -> Iterator[httpx.Client]:
    with served.client() as client:
        yield client
