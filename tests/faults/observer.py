"""An outside observer of a release: `python -m tests.faults.observer HOME`, ended by SIGTERM.

Fifty times a second it reads the record, the gateway's accepted route and a client's answer, and
checks what must hold at every instant. At the end it writes what it saw, as JSON on stdout.
"""

import json
import signal
import sys
import time
from dataclasses import asdict, dataclass, field
from pathlib import Path

import httpx

from pipelines import storage
from pipelines.contracts.release import Deployment, Ports
from pipelines.errors import ServiceDown, TandemError
from pipelines.home import Home
from pipelines.rollout import client_env
from pipelines.rollout.gateway import Gateway
from pipelines.rollout.moves import Route

PERIOD_SECONDS = 0.02
PATIENCE_SECONDS = 1.0  # of a client, who then asks again
DOCUMENTED = {"slot-unavailable", "no-champion", "upstream-timeout", "not-ready", "overloaded"}
MOVING = ("routing", "rolling-back", "undoing")


@dataclass
class Seen:
    """All that was seen."""

    looks: int = 0
    seconds: float = 0.0
    answers: dict[str, int] = field(default_factory=dict)
    """How often each version, each refusal and each broken connection."""
    longest_gap_seconds: float = 0.0
    """Between two good answers."""
    epoch: int = 0
    route_version: int = 0
    states: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


class Observer:
    """Looks, and judges each look by the record before and the record after it."""

    def __init__(self, home: Home) -> None:
        self._home = home
        self._gateway = Gateway(home, storage.read_record(home.ports, Ports))
        self._digests: dict[str, str] = {}
        key = {"Authorization": f"Bearer {client_env.api_key(home)}"}
        self._client = httpx.Client(headers=key, timeout=PATIENCE_SECONDS, trust_env=False)
        self._good = time.monotonic()
        self.seen = Seen()

    def look(self) -> None:
        """One look."""
        self.seen.looks += 1
        before = self._record()
        route = self._route()
        version = self._answer()
        after = self._record()
        self.seen.states[after.state] = self.seen.states.get(after.state, 0) + 1
        self._check_epoch(before, after)
        self._check_route(before, after, route)
        self._check_answer(before, after, version)

    def _record(self) -> Deployment:
        return storage.read_record(self._home.deployment, Deployment)

    def _route(self) -> Route | None:
        try:
            return self._gateway.accepted()
        except ServiceDown:
            return None

    def _answer(self) -> dict[str, str] | None:
        """What /v1/model says through the gateway, if it answers well."""
        try:
            answer = self._client.get(f"{self._gateway.url}/v1/model")
            content = answer.json()
        except httpx.HTTPError as error:
            self._count(type(error).__name__)
            return None
        except ValueError:
            self._violate(f"an answer is no JSON: {answer.status_code} {answer.text[:80]}")
            return None
        if answer.status_code != httpx.codes.OK:
            self._count(str(content.get("code")))
            if content.get("code") not in DOCUMENTED:
                self._violate(f"G2: a client got {answer.status_code} {content}")
            return None
        now = time.monotonic()
        self.seen.longest_gap_seconds = max(self.seen.longest_gap_seconds, now - self._good)
        self._good = now
        self._count(content.get("version", "a stranger"))
        return content

    def _check_epoch(self, before: Deployment, after: Deployment) -> None:
        if not self.seen.epoch <= before.epoch <= after.epoch:
            self._violate(f"I6: epoch {self.seen.epoch}, {before.epoch}, {after.epoch}")
        self.seen.epoch = after.epoch

    def _check_route(self, before: Deployment, after: Deployment, route: Route | None) -> None:
        if route is None:
            return
        if not self.seen.route_version <= int(route.version) <= after.epoch:
            self._violate(f"I6: route {route.version} after {self.seen.route_version}")
        self.seen.route_version = int(route.version)
        if before.epoch != after.epoch:
            return
        if route.slot not in _slots(after):
            self._violate(f"I1: {route} while {after.state}")
        if route.spare is not None and route.spare == route.slot:
            self._violate(f"I2: {route}")

    def _check_answer(
        self, before: Deployment, after: Deployment, answer: dict[str, str] | None
    ) -> None:
        if answer is None:
            return
        known = {
            placed.version: placed.model_digest
            for record in (before, after)
            for placed in (record.champion, record.previous, _moving(record))
            if placed is not None
        }
        if known.get(answer.get("version", "")) != answer.get("model_digest"):
            self._violate(f"I4: a client got {answer}, known are {sorted(known)}")

    def _count(self, what: str) -> None:
        self.seen.answers[what] = self.seen.answers.get(what, 0) + 1

    def _violate(self, what: str) -> None:
        self.seen.violations.append(what)


def _moving(record: Deployment):
    return record.target if record.state in MOVING else None


def _slots(record: Deployment) -> set[str | None]:
    """Slots that the accepted route may name while the record is this one."""
    target = _moving(record)
    allowed = {record.champion.slot if record.champion else None}
    return allowed | ({target.slot} if target else set())


def main(folder: str) -> None:
    """Looks until SIGTERM."""
    is_over = False

    def end(*_: object) -> None:
        nonlocal is_over
        is_over = True

    signal.signal(signal.SIGTERM, end)
    observer, started = Observer(Home(Path(folder))), time.monotonic()
    print("ready", file=sys.stderr, flush=True)
    while not is_over:
        due = time.monotonic() + PERIOD_SECONDS
        try:
            observer.look()
        except TandemError as error:
            observer.seen.violations.append(f"G4: {error.code}: {error.message}")
        time.sleep(max(0.0, due - time.monotonic()))
    observer.seen.seconds = round(time.monotonic() - started, 1)
    print(json.dumps(asdict(observer.seen)))


if __name__ == "__main__":
    main(sys.argv[1])
