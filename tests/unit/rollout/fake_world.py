"""A world of two slots and a gateway in memory, where the deployer can be killed at every act.

After every act, and after everything that happens to it, it checks the invariants that an outside
observer may rely on, and keeps what it found in `violations`.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from pipelines.contracts.release import SLOTS, Deployment, Placed, SlotName
from pipelines.errors import GatewayRejected, GoldenMismatch
from pipelines.rollout import machine
from pipelines.rollout.moves import Route, SlotSeen

PATIENCE_SECONDS = 10.0
LOOKS_UNTIL_READY = 3
LOOKS_UNTIL_ROUTABLE = 7  # the gateway asks less often than the deployer
SLOW_LOOKS = 6  # that requests to a slot which has left the route still take


class Killed(BaseException):
    """The deployer died here."""


@dataclass
class Process:
    """What runs in a slot."""

    placed: Placed
    pid: int
    looks: int = 0


@dataclass(frozen=True)
class Death:
    """Of a slot's process; a quick one is followed by a successor that is ready at once."""

    slot: SlotName
    is_quick: bool = False


@dataclass
class FakeWorld:
    """The world; `never_ready` and `wrong` name versions that fail in that way."""

    record: Deployment = field(default_factory=Deployment)
    processes: dict[SlotName, Process | None] = field(default_factory=lambda: dict.fromkeys(SLOTS))
    in_flight: dict[SlotName, int] = field(default_factory=lambda: dict.fromkeys(SLOTS, 0))
    route: Route = field(default_factory=lambda: Route("0", None))
    never_ready: set[str] = field(default_factory=set)
    wrong: set[str] = field(default_factory=set)
    gateway_rejects: bool = False
    deaths: dict[int, "Death"] = field(default_factory=dict)
    """What dies, by the number of the look before which it does."""
    proven: set[int] = field(default_factory=set)
    """Processes that answered the golden requests."""
    was_routed: set[str] = field(default_factory=set)
    """Versions whose proven process was routed to; its successors count as proven by it."""
    registry: str | None = None
    kill_at: int | None = None
    acts: int = 0
    looks: int = 0
    last_pid: int = 0
    clock: float = 0.0
    entered: float = 0.0
    """When the record's state began."""
    violations: list[str] = field(default_factory=list)

    # --- what the machine sees and does

    def look(self, record: Deployment) -> tuple[dict[SlotName, SlotSeen], Route | None]:
        self.looks += 1
        if self.looks in self.deaths:
            death = self.deaths[self.looks]
            self.die(death.slot, is_quick=death.is_quick)
        for slot, process in self.processes.items():
            self.in_flight[slot] = max(0, self.in_flight[slot] - 1)
            if process is not None:
                process.looks += 1
        self.check()
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

    def die(self, slot: SlotName, *, is_quick: bool = False) -> None:
        """A slot's process dies, and the supervisor starts another."""
        process = self.processes[slot]
        if process is not None:
            successor = self._new(process.placed)
            successor.looks = LOOKS_UNTIL_READY if is_quick else 0
            self.processes[slot] = successor
            self.in_flight[slot] = 0

    def reboot(self) -> None:
        """All processes die; the supervisor brings back champion and previous, as `up` does."""
        self.processes = dict.fromkeys(SLOTS)
        self.in_flight = dict.fromkeys(SLOTS, 0)
        busy = self.record.target.slot if self.record.target else None
        for placed in (self.record.champion, self.record.previous):
            if placed and (placed is self.record.champion or placed.slot != busy):
                self.processes[placed.slot] = self._new(placed)

    # --- what clients get

    def serves(self, slot: SlotName | None) -> str | None:
        """The version that a slot answers with, if it is ready."""
        return self._seen(slot).version if slot else None

    def answers(self) -> str | None:
        """The version that clients get: the routed slot's, else its spare's."""
        return self.serves(self.route.slot) or self.serves(self.route.spare)

    def check(self) -> None:
        """Notes each invariant that does not hold now; numbered as in the runbook."""
        record, route = self.record, self.route
        if route.slot not in self._allowed():
            self._note(f"I1: {route} while {record.state}")
        if record.canary is not None or (route.spare is not None and route.spare == route.slot):
            self._note(f"I2: {route}")
        for slot in (route.slot, route.spare):
            process = self.processes[slot] if slot else None
            if process and self.serves(slot) and not self._is_fit(process):
                self._note(f"I4: {process.placed.version} may answer, unproven or rolled back")
        if int(route.version) > record.epoch:
            self._note(f"I6: route {route.version} is ahead of epoch {record.epoch}")

    # --- inside

    def _note(self, violation: str) -> None:
        self.violations.append(violation)

    def _allowed(self) -> set[SlotName | None]:
        """Slots that the accepted route may name in this state."""
        record = self.record
        champion = record.champion.slot if record.champion else None
        moving = record.state in ("routing", "rolling-back", "undoing") and record.target
        return {champion, record.target.slot} if moving and record.target else {champion}

    def _is_fit(self, process: Process) -> bool:
        version = process.placed.version
        if machine.is_rolled_back(self.record, version):
            target = self.record.target
            return self.record.state != "idle" or (target is not None and target.version == version)
        return process.pid in self.proven or version in self.was_routed

    def _new(self, placed: Placed) -> Process:
        self.last_pid += 1
        return Process(placed, self.last_pid)

    def _act(self, effect: Callable[[], None]) -> None:
        """An act with a crash point before and one after it; then the invariants."""
        self._maybe_die()
        effect()
        self.check()
        self._maybe_die()

    def _maybe_die(self) -> None:
        self.acts += 1
        if self.acts == self.kill_at:
            raise Killed

    def _write(self, record: Deployment) -> None:
        if record.epoch != self.record.epoch + 1:
            self._note(f"I6: epoch {self.record.epoch} -> {record.epoch}")
        if record.state != self.record.state:
            self.entered = self.clock
        champion, before = record.champion, self.record.champion
        if champion and before and champion.version != before.version:
            is_return = self.record.state == "rolling-back"
            if is_return and not machine.is_rolled_back(record, before.version):
                self._note(f"I4: {before.version} is not marked as rolled back")
            if not is_return and record.previous != before:
                self._note(f"I5: no way back from {champion.version} to {before.version}")
        self.record = record

    def _start(self, placed: Placed) -> None:
        there = self.processes[placed.slot]
        if there is not None and there.placed.version != placed.version:
            self._empty(placed.slot)
        self.processes[placed.slot] = self._new(placed)

    def _empty(self, slot: SlotName) -> None:
        is_late = self.clock - self.entered > PATIENCE_SECONDS
        if slot in (self.route.slot, self.route.spare) and self.serves(slot):
            self._note(f"I7: {slot} was stopped while it may answer clients")
        if self.in_flight[slot] and not is_late:
            self._note(f"I7: {slot} was stopped with requests in flight")
        self.processes[slot] = None
        self.in_flight[slot] = 0

    def _replay(self, placed: Placed) -> None:
        if placed.version in self.wrong:
            raise GoldenMismatch(f"{placed.version} answers wrong")
        process = self.processes[placed.slot]
        assert process is not None
        self.proven.add(process.pid)

    def _send(self, route: Route) -> None:
        if self.gateway_rejects:
            raise GatewayRejected("the file is refused")
        if route != self.route and int(route.version) <= int(self.route.version):
            self._note(f"I6: {self.route} -> {route}")
        is_forward = self.record.state in ("routing", "rolling-back")
        if is_forward and not (route.slot and self._seen(route.slot).is_routable):
            self._note(f"I1: routed to {route.slot}, which the gateway takes for dead")
        answering = self.route.slot if self.serves(self.route.slot) else self.route.spare
        if answering and answering not in (route.slot, route.spare) and self.serves(answering):
            self.in_flight[answering] = SLOW_LOOKS
        self.route = route
        process = self.processes[route.slot] if route.slot else None
        if process is not None and self._is_fit(process):
            self.was_routed.add(process.placed.version)

    def _seen(self, slot: SlotName) -> SlotSeen:
        process = self.processes[slot]
        if process is None:
            return SlotSeen(port=1)
        placed = process.placed
        is_ready = process.looks > LOOKS_UNTIL_READY and placed.version not in self.never_ready
        if not is_ready:
            return SlotSeen(port=1, bento=placed.bento, in_flight=self.in_flight[slot])
        return SlotSeen(
            port=1,
            bento=placed.bento,
            is_ready=True,
            pid=process.pid,
            start_time=f"start of {process.pid}",
            version=placed.version,
            digest=placed.model_digest,
            is_routable=process.looks > LOOKS_UNTIL_ROUTABLE,
            in_flight=self.in_flight[slot],
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
