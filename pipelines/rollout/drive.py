"""Drives the deployment machine: look, decide, write the intent, act; until nothing is left."""

from dataclasses import dataclass
from typing import Protocol

from pipelines.contracts.release import Deployment, Placed, SlotName
from pipelines.errors import (
    CheckFailed,
    GatewayRejected,
    PortTaken,
    ProgramRefused,
    SlotNotReady,
    TandemError,
)
from pipelines.rollout.machine import decide, give_up
from pipelines.rollout.moves import (
    Act,
    Announce,
    Finished,
    Replay,
    Route,
    Seen,
    Send,
    SlotSeen,
    Start,
    Stop,
    Wait,
)

# What is undone at once. After any other fault the record stays, and the next run goes on.
UNDONE = (CheckFailed, GatewayRejected, PortTaken, ProgramRefused)

# One wait together: until the new slot is ready, proven and routed.
APPROACH = {"starting", "warming", "routing"}


class World(Protocol):
    """All that the machine can see and do; each act may be repeated."""

    def look(self, record: Deployment) -> tuple[dict[SlotName, SlotSeen], Route | None]:
        """The slots, and the route that the gateway has accepted (None: it is not sure of one)."""

    def save(self, record: Deployment) -> None:
        """Writes the record, unless a newer writer has been there."""

    def start(self, placed: Placed) -> None:
        """Runs a release in its slot, in place of what is there; does not wait for it."""

    def stop(self, slot: SlotName) -> None:
        """Lets what runs in a slot end; does not wait for it."""

    def replay(self, placed: Placed) -> None:
        """Asks the golden requests; raises where an answer differs."""

    def send(self, route: Route) -> None:
        """Writes a route and reads it back."""

    def announce(self, placed: Placed) -> None:
        """Tells clients and the registry what is live."""

    def wait(self) -> None:
        """Lets a little time pass."""

    def seconds(self) -> float:
        """A clock that never goes back."""

    def now(self) -> str:
        """The wall clock, RFC 3339."""

    def last_words(self, slot: SlotName) -> str:
        """The end of a slot's log."""


@dataclass
class _Memory:
    """What counts within one state of one run, and is lost with it; the telling counts for all."""

    since: float
    golden: str | None = None
    announced: str | None = None


def drive(record: Deployment, world: World, patience_seconds: float) -> Deployment:
    """Brings whatever the record intends to its end.

    Args:
        record: As it is on disk.
        world: What to look at and to act on.
        patience_seconds: How long a new slot, or a state with another wait, may take.

    Returns:
        The record, idle.

    Raises:
        TandemError: What was begun failed and has been undone, or the world cannot be reached and
            the next run has to go on.
    """
    memory, failure = _Memory(world.seconds()), None
    while True:
        move = decide(record, _look(record, world, memory, patience_seconds))
        if move.record != record:
            if move.record.state == "undoing":
                failure = failure or _not_ready(move.record, world)
            world.save(move.record)
            # A slot that gets ready and dies again is not waited for anew.
            is_same_wait = {record.state, move.record.state} <= APPROACH
            since = memory.since if is_same_wait else world.seconds()
            record, memory = move.record, _Memory(since, announced=memory.announced)
        if isinstance(move.act, Finished):
            if failure is not None:
                raise failure
            return record
        try:
            _perform(move.act, world, memory)
        except UNDONE as error:
            if record.target is None or record.state == "undoing":
                raise
            failure = error
            record = give_up(record, error.message, world.now())
            world.save(record)
            memory = _Memory(world.seconds(), announced=memory.announced)


def _look(record: Deployment, world: World, memory: _Memory, patience: float) -> Seen:
    slots, route = world.look(record)
    return Seen(
        slots=slots,
        route=route,
        now=world.now(),
        is_late=world.seconds() - memory.since > patience,
        golden=memory.golden,
        announced=memory.announced,
    )


def _perform(act: Act, world: World, memory: _Memory) -> None:
    match act:
        case Start(placed):
            world.start(placed)
        case Stop(slot):
            world.stop(slot)
        case Replay(placed):
            world.replay(placed)
            memory.golden = placed.model_digest
        case Send(route):
            world.send(route)
        case Announce(placed):
            world.announce(placed)
            memory.announced = placed.version
        case Wait():
            world.wait()


def _not_ready(record: Deployment, world: World) -> TandemError:
    slot = record.target.slot if record.target else "blue"
    return SlotNotReady(
        f"{record.reason}; last words of slot {slot}: {world.last_words(slot) or 'none'}",
        where=[slot],
        hint="the champion serves on; read the slot's log, then deploy again",
    )
