"""A world of two slots and a gateway in memory, where the deployer can be killed at every act."""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipelines.contracts.release import SLOTS, Deployment, Placed, SlotName
from pipelines.errors import GatewayRejected, GoldenMismatch
from pipelines.rollout.moves import Route, SlotSeen

PATIENCE_SECONDS = 10.0
LOOKS_UNTIL_READY = 3


class Killed(BaseException):
    """The deployer died here."""


@dataclass
class Process:
    """What runs in a slot."""

    placed: Placed
    looks: int = 0


@dataclass
class FakeWorld:
    """The world; `never_ready` and `wrong` name versions that fail in that way."""

    record: Deployment = field(default_factory=Deployment)
    processes: dict[SlotName, Process | None] = field(default_factory=lambda: dict.fromkeys(SLOTS))
    route: Route = field(default_factory=lambda: Route("0", None))
    never_ready: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    gateway_rejects: bool = False
    proven: set[str] = field(default_factory=set)
    registry: str | None = None
    kill_at: int | None = None
    acts: int = 0
    clock: float = 0.0
    violations: list[str] = field(default_factory=list)

    # --- what the machine sees and does

    def look(self, record: Deployment) -> tuple[dict[SlotName, SlotSeen], Route | None]:
        for process in self.processes.values():
            if process is not None:
                process.looks += 1
        return {slot: self._seen(slot) for slot in SLOTS}, self.route

    def save(self, record: Deployment) -> None:
        self._act(lambda: self._write(record))

    def start(self, placed: Placed) -> None:
        self._act(lambda: self._start(placed))

    def stop(self, slot: SlotName) -> None:
        self._act(lambda: self._empty(slot))

    def replay(self, placed: Placed) -> None:
        self._act(lambda: self._replay(placed))

    def send(self, route: Route) -> None:
        self._act(lambda: self._send(route))

    def announce(self, placed: Placed) -> None:
        self._act(lambda: setattr(self, "registry", placed.version))

    def wait(self) -> None:
        self.clock += 0.5

    def seconds(self) -> float:
        return self.clock

    def now(self) -> str:
        return "2026-01-01T00:00:00Z"

    def last_words(self, slot: SlotName) -> str:
        return f"the log of {slot}"

    # --- what happens to it

    def reboot(self) -> None:
        """All processes die; the supervisor brings back champion and previous, as `up` does."""
        self.processes = dict.fromkeys(SLOTS)
        busy = self.record.target.slot if self.record.target else None
        for placed in (self.record.champion, self.record.previous):
            if placed and (placed is self.record.champion or placed.slot != busy):
                self.processes[placed.slot] = Process(placed, LOOKS_UNTIL_READY)

    def serves(self, slot: SlotName | None) -> str | None:
        """The version that a slot answers with, if it is ready."""
        return self._seen(slot).version if slot else None

    # --- inside

    def _act(self, effect: Callable[[], None]) -> None:
        """An act with a crash point before and one after it; then the invariants."""
        self._maybe_die()
        effect()
        self._check()
        self._maybe_die()

    def _maybe_die(self) -> None:
        self.acts += 1
        if self.acts == self.kill_at:
            raise Killed

    def _write(self, record: Deployment) -> None:
        if record.epoch != self.record.epoch + 1:
            self.violations.append(f"epoch {self.record.epoch} -> {record.epoch}")
        self.record = record

    def _start(self, placed: Placed) -> None:
        self._empty(placed.slot)
        self.processes[placed.slot] = Process(placed)

    def _empty(self, slot: SlotName) -> None:
        if self.route.slot == slot and self.serves(slot):
            self.violations.append(f"{slot} was stopped while it answers clients")
        self.processes[slot] = None

    def _replay(self, placed: Placed) -> None:
        if placed.version in self.wrong:
            raise GoldenMismatch(f"{placed.version} answers wrong")
        self.proven.add(placed.version)

    def _send(self, route: Route) -> None:
        if self.gateway_rejects:
            raise GatewayRejected("the file is refused")
        is_new = route.slot is not None and self.route.slot != route.slot
        is_undo = self.record.state == "undoing"
        if is_new and not is_undo and not self._seen(route.slot).is_routable:
            self.violations.append(f"routed to {route.slot}, which the gateway takes for dead")
        self.route = route

    def _check(self) -> None:
        version = self.serves(self.route.slot)
        if version is not None and version not in self.proven:
            self.violations.append(f"{version} answers clients without golden requests")
        champion = self.record.champion
        is_settled = champion is not None and self.record.state in ("idle", "starting", "warming")
        if is_settled and self.route.slot != champion.slot:
            self.violations.append(f"{self.route} while {champion.version} is champion")

    def _seen(self, slot: SlotName) -> SlotSeen:
        process = self.processes[slot]
        if process is None:
            return SlotSeen(port=1)
        placed = process.placed
        is_ready = process.looks > LOOKS_UNTIL_READY and placed.version not in self.never_ready
        return SlotSeen(
            port=1,
            bento=placed.bento,
            pid=7,
            is_ready=is_ready,
            version=placed.version if is_ready else None,
            digest=placed.model_digest if is_ready else None,
            is_routable=is_ready and process.looks > LOOKS_UNTIL_READY + 1,
        )


def make_release(number: int, slot: SlotName) -> Placed:
    """Version `number` in a slot."""
    return Placed(
        version=f"recommender@v{number}.0.0",
        bento=f"recommender:v{number}.0.0",
        model=f"recommender:v{number}.0.0",
        model_digest=f"{number:064x}",
        family="multitask",
        data_version=f"data/1998-0{number % 9 + 1}-02",
        commit="0" * 40,
        judged_fit_until="1998-01-01T00:00:00Z",
        trained_until="1998-02-01T00:00:00Z",
        slot=slot,
        bento_path="/bento",
    )
