"""The deployment machine on real parts: supervisord, Envoy and Bentos of a small artifact."""

import os
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import httpx
import pytest

from pipelines import storage
from pipelines.contracts.release import Deployment, Placed, SlotName
from pipelines.errors import NotPackaged, PortTaken, SlotNotReady, Superseded
from pipelines.home import Home
from pipelines.package.bento import build_bento
from pipelines.rollout import bentos, client_env, machine
from pipelines.rollout.drive import drive
from pipelines.rollout.gateway import Gateway
from pipelines.rollout.moves import Route
from pipelines.rollout.site import Site
from pipelines.supervisor import Supervisor
from tests.integration import serving
from tests.integration.running import home_at, running_gateway, wait_until

PATIENCE_SECONDS = 120.0
ROLLBACK_SECONDS = 5.0
REQUEST = {"user_id": "196", "k": 3}


class Rig:
    """A home with Bentos v1 and v2, a gateway, and a registry that remembers what it was told."""

    def __init__(self, home: Home, gateway: Gateway, supervisor: Supervisor, digest: str) -> None:
        self.home, self.gateway, self.supervisor, self.digest = home, gateway, supervisor, digest
        self.told: list[str] = []

    def site(self) -> Site:
        return Site(self.home, self.told.append)

    def placed(self, number: int, slot: SlotName) -> Placed:
        return bentos.placed(self.home, f"recommender@v{number}.0.0", self.digest, slot)

    def deploy(self, number: int, patience: float = PATIENCE_SECONDS) -> Deployment:
        site = self.site()
        record = drive(site.record(), site, patience)
        intent = machine.begin(record, self.placed(number, machine.free_slot(record)))
        site.save(intent)
        return drive(intent, site, patience)

    def roll_back(self) -> Deployment:
        site = self.site()
        intent = machine.begin_rollback(site.record())
        site.save(intent)
        return drive(intent, site, PATIENCE_SECONDS)

    def live(self) -> str:
        """The version that clients get."""
        return str(self.ask(httpx.get, "/v1/model").json()["version"])

    def ask(self, method, path: str, **options) -> httpx.Response:
        key = {"Authorization": f"Bearer {client_env.api_key(self.home)}"}
        return method(self.gateway.url + path, headers=key, timeout=10, **options)


@pytest.fixture(scope="module")
def rig(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rig]:
    home = home_at(tmp_path_factory.mktemp("deploy"))
    artifact = serving.write_tiny_artifact(tmp_path_factory.mktemp("made") / "artifact")
    for number in (1, 2):
        release = serving.make_release(artifact, f"v{number}.0.0")
        build_bento(artifact, serving.ROOT, release, home.bentoml)
    storage.write_atomic(home.identity_key, serving.IDENTITY_KEY.hex().encode(), mode=0o600)
    serving.write_online_store(home.online, {"196": serving.ITEM_IDS[:2]}, {})
    with running_gateway(home) as (gateway, supervisor):
        storage.write_record(home.ports, gateway.ports)
        yield Rig(home, gateway, supervisor, storage.tree_digest(artifact))


@contextmanager
def load(rig: Rig) -> Iterator[list[int | str]]:
    """Requests through the gateway all the while; their statuses, or what went wrong."""
    stop, statuses = threading.Event(), []

    def ask() -> None:
        while not stop.wait(0.02):
            try:
                statuses.append(rig.ask(httpx.post, "/v1/recommend", json=REQUEST).status_code)
            except httpx.HTTPError as error:
                statuses.append(repr(error))

    threads = [threading.Thread(target=ask) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        yield statuses
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def test_a_bento_of_another_artifact_is_refused_before_anything_starts(rig: Rig) -> None:
    with pytest.raises(NotPackaged, match="registered is"):
        bentos.placed(rig.home, "recommender@v1.0.0", "0" * 64, "blue")
    with pytest.raises(NotPackaged, match="no Bento of recommender@v9"):
        rig.placed(9, "blue")


def test_port_of_the_slot_taken_by_a_stranger_is_named_and_undone(rig: Rig) -> None:
    import http.server

    address = ("127.0.0.1", rig.gateway.ports.blue)
    handler = http.server.SimpleHTTPRequestHandler
    with http.server.HTTPServer(address, handler), pytest.raises(PortTaken, match="slot blue"):
        rig.deploy(1)

    record = rig.site().record()
    assert (record.state, record.champion) == ("idle", None)


def test_first_version_goes_live_and_clients_are_told(rig: Rig) -> None:
    record = rig.deploy(1)

    assert rig.live() == "recommender@v1.0.0"
    assert record.slots["blue"] is not None
    assert record.slots["blue"].digest == rig.digest
    assert client_env.read(rig.home)["TANDEM_URL"] == rig.gateway.url
    assert rig.told == ["recommender@v1.0.0"]
    answer = rig.ask(httpx.post, "/v1/recommend", json=REQUEST).json()
    assert len(answer["items"]) == 3


def test_second_version_and_the_way_back_lose_no_request_and_take_under_five_seconds(
    rig: Rig,
) -> None:
    with load(rig) as statuses:
        rig.deploy(2)
        assert rig.live() == "recommender@v2.0.0"

        started = time.monotonic()
        record = rig.roll_back()
        seconds = time.monotonic() - started
        assert rig.live() == "recommender@v1.0.0"

    assert set(statuses) == {200}
    assert len(statuses) > 100
    assert seconds < ROLLBACK_SECONDS
    assert record.previous is None
    assert machine.is_rolled_back(record, "recommender@v2.0.0")


def test_killed_champion_is_started_again_though_its_worker_held_the_port(rig: Rig) -> None:
    """BentoML's worker survives its parent; a successor that cannot bind would crash for ever."""
    slot = rig.supervisor.service("blue")
    assert slot is not None
    assert slot.pid is not None
    worker = rig.ask(httpx.get, "/v1/model").json()["pid"]
    os.kill(slot.pid, signal.SIGKILL)

    wait_until(
        lambda: rig.ask(httpx.get, "/readyz").status_code == 503, "the gateway knows it is down"
    )
    answer = rig.ask(httpx.post, "/v1/recommend", json=REQUEST)
    assert (answer.status_code, answer.json()["code"]) == (503, "slot-unavailable")
    assert answer.headers["retry-after"]

    wait_until(lambda: rig.ask(httpx.get, "/readyz").status_code == 200, "it is back", 60)
    assert rig.live() == "recommender@v1.0.0"
    assert rig.ask(httpx.get, "/v1/model").json()["pid"] != worker


def test_version_that_does_not_get_ready_in_time_leaves_the_champion(rig: Rig) -> None:
    with pytest.raises(SlotNotReady, match="last words of slot green"):
        rig.deploy(2, patience=0.5)

    assert rig.live() == "recommender@v1.0.0"
    assert rig.supervisor.written("green") is None
    green = rig.supervisor.service("green")
    assert green is None or green.state in ("STOPPING", "STOPPED")


def test_a_deployer_that_was_overtaken_writes_nothing(rig: Rig) -> None:
    old = rig.site()
    newer = rig.site()
    record = newer.record().model_copy(update={"epoch": newer.record().epoch + 1})
    newer.save(record)

    with pytest.raises(Superseded, match="another deployer"):
        old.save(record.model_copy(update={"epoch": record.epoch + 1}))
    with pytest.raises(Superseded):
        old.send(rig.gateway.accepted())

    assert rig.site().record() == record


def test_route_that_somebody_else_changed_is_repaired(rig: Rig) -> None:
    rig.gateway.route(Route("stray", None))

    site = rig.site()
    drive(site.record(), site, PATIENCE_SECONDS)

    assert rig.live() == "recommender@v1.0.0"
