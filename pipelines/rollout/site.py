"""The machine's real world: deployment.json, the supervisor's slots, the gateway, the clients."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from pipelines import storage
from pipelines.contracts.release import Deployed, Deployment, Placed, Ports, SlotName
from pipelines.errors import ServiceDown, Superseded
from pipelines.home import Home
from pipelines.progress import log
from pipelines.rollout import bentos, client_env, golden, observe, slots, turn
from pipelines.rollout import record as deployment_record
from pipelines.rollout.gateway import Gateway
from pipelines.rollout.listeners import require_free
from pipelines.rollout.local import local_client
from pipelines.rollout.moves import Route, SlotSeen
from pipelines.supervisor import Supervisor

POLL_SECONDS = 0.2
PROBE_SECONDS = 2.0
ANSWER_SECONDS = 30.0


class Site:
    """One home's services. Every act is fenced: it is left undone if a newer writer was there.

    Args:
        home: The home.
        tell_registry: Called with the version that is live, again and again for the same.
    """

    def __init__(self, home: Home, tell_registry: Callable[[str], None]) -> None:
        if not home.ports.exists():
            raise ServiceDown("no service has been started yet", hint="run `tandem up`")
        self._home = home
        self._tell_registry = tell_registry
        self._ports = storage.read_record(home.ports, Ports)
        self._supervisor = Supervisor(home)
        self._gateway = Gateway(home, self._ports)
        self._api_key = client_env.api_key(home)
        self._client = local_client(PROBE_SECONDS, Authorization=f"Bearer {self._api_key}")
        self._epoch = self.record().epoch
        self._said = ""

    @property
    def url(self) -> str:
        """Where clients reach the champion."""
        return self._gateway.url

    def record(self) -> Deployment:
        """The record on disk; a first one where there is none."""
        return deployment_record.read(self._home)

    def look(self, record: Deployment) -> tuple[dict[SlotName, SlotSeen], Route | None]:
        """The slots, and the route that the gateway has accepted and would start with."""
        self._say(record)
        seen = observe.slots(self._supervisor, self._gateway, self._ports, self._client)
        return seen, self._gateway.confirmed()

    def save(self, record: Deployment) -> None:
        """Writes the record.

        Raises:
            Superseded: A newer writer has been there.
        """
        with self.fenced():
            storage.write_record(self._home.deployment, record)
            self._epoch = record.epoch

    def start(self, placed: Placed) -> None:
        """Runs a release in its slot, in place of what is there; does not wait for it.

        Raises:
            PortTaken: A stranger listens on the slot's port.
        """
        program = slots.program(self._home, self._ports, placed)
        with self.fenced() as record:
            self._say_repaired(record, f"slot {placed.slot} runs {placed.version} again")
            self._supervisor.remove(placed.slot)
            require_free(self._ports.numbers()[placed.slot], placed.slot)
            self._supervisor.write(program)
            self._supervisor.replace(placed.slot)

    def stop(self, slot: SlotName) -> None:
        """Lets what runs in a slot answer its last requests and end; does not wait for that."""
        with self.fenced():
            self._supervisor.retire(slot)

    def replay(self, placed: Placed) -> None:
        """Asks the golden requests; raises where an answer differs."""
        url = slots.url(self._ports, placed.slot)
        artifact = bentos.artifact_of(self._home, placed.model)
        with local_client(ANSWER_SECONDS, Authorization=f"Bearer {self._api_key}") as client:
            count = golden.replay(client, url, artifact)
        log(f"slot {placed.slot} answered {count} golden requests as judged")

    def send(self, route: Route) -> None:
        """Writes a route and reads it back."""
        with self.fenced() as record:
            self._say_repaired(record, f"the gateway has {route} again")
            self._gateway.route(route)

    def announce(self, placed: Placed) -> None:
        """Completes client.env and tells the registry."""
        values = {"TANDEM_URL": self._gateway.url, "TANDEM_API_KEY": self._api_key}
        with self.fenced():
            client_env.write(self._home, values)
            self._tell_registry(placed.version)

    def wait(self) -> None:
        """Lets a little time pass."""
        time.sleep(POLL_SECONDS)

    def seconds(self) -> float:
        """A clock that never goes back."""
        return time.monotonic()

    def now(self) -> str:
        """The wall clock, RFC 3339."""
        return storage.rfc3339(storage.now_utc())

    def last_words(self, slot: SlotName) -> str:
        """The end of a slot's log."""
        return self._supervisor.log_tail(slot)

    @contextmanager
    def fenced(self) -> Iterator[Deployment]:
        """The record, while nobody else can write; for each act of a deployer.

        Raises:
            Superseded: A newer writer has been there.
            LockHeld: Another deployer is in the middle of an act, and does not end it.
        """
        with turn.write_turn(self._home):
            record = self.record()
            if record.epoch != self._epoch:
                raise Superseded(
                    f"another deployer has gone on to epoch {record.epoch}, "
                    f"this one was at {self._epoch}",
                    where=[str(self._home.deployment)],
                    hint="see `tandem status`",
                )
            yield record

    def _say_repaired(self, record: Deployment, what: str) -> None:
        """An act while nothing is under way repairs a difference between record and world."""
        if record.state == "idle":
            log(f"repaired: {what}")

    def _say(self, record: Deployment) -> None:
        placed = record.target or record.champion
        text = f"{record.state} {placed.version if placed else ''}".strip()
        if record.state != "idle" and text != self._said:
            log(text)
        self._said = text


def deployed(record: Deployment, site: Site, seconds: float) -> Deployed:
    """What a verb reports of an idle record with a champion."""
    champion = record.champion
    assert champion is not None  # noqa: S101 -- both verbs end with one
    return Deployed(
        version=champion.version,
        previous=record.previous.version if record.previous else None,
        slot=champion.slot,
        url=site.url,
        model_digest=champion.model_digest,
        bento=champion.bento,
        route_version=record.route_version,
        seconds=round(seconds, 3),
    )
