"""The deployment machine: (record, what is seen) → the next move. Pure; no clock, no disk.

    idle → starting → warming → routing → draining → idle        a deployment
    idle → rolling-back → draining → idle                        a return to the previous version
    starting, warming, routing, rolling-back → undoing → idle    given up: as it was before
    warming, routing → starting                                  the process that was proven is gone
    idle → rolling-back                                          a champion that cannot come back

A state is an intent: it is on disk before anything is done about it. What has been done is seen
and never remembered, so a machine that is killed anywhere goes on where the world stands. Shadow
and canary are to come between warming and routing, as further states with routes of their own.

The previous version is the gateway's spare while nothing is under way. A deployment takes the spare
out of the route before it touches that slot, so that nothing unproven ever answers.
"""

from collections.abc import Callable

from pipelines.contracts.release import (
    SLOTS,
    Deployment,
    Entry,
    Event,
    Placed,
    Slot,
    SlotName,
    State,
    other,
)
from pipelines.rollout.moves import (
    Act,
    Announce,
    Finished,
    Move,
    Replay,
    Route,
    Seen,
    Send,
    Start,
    Stop,
    Wait,
)

FIRST_SLOT: SlotName = "blue"


# --- what people ask for


def begin(record: Deployment, target: Placed) -> Deployment:
    """The intent to make a release the champion, in the slot that the champion is not in."""
    version = str(record.epoch + 1)
    return _advance(record, state="starting", target=target, route_version=version, reason=None)


def begin_rollback(record: Deployment, reason: str | None = None) -> Deployment:
    """The intent to return to `previous`, which must be there; a reason where nobody asked."""
    assert record.previous is not None  # noqa: S101 -- the caller has checked
    version = str(record.epoch + 1)
    return _advance(
        record,
        state="rolling-back",
        target=record.previous,
        route_version=version,
        reason=reason,
    )


def give_up(record: Deployment, reason: str, now: str) -> Deployment:
    """The intent to undo what was begun, with its reason."""
    assert record.target is not None  # noqa: S101 -- only states with a target are given up
    return _advance(
        record,
        state="undoing",
        reason=reason,
        route_version=str(record.epoch + 1),
        history=_told(record, "failed", record.target, now, reason),
    )


def free_slot(record: Deployment) -> SlotName:
    """The slot that a new release goes to."""
    return other(record.champion.slot) if record.champion else FIRST_SLOT


def is_rolled_back(record: Deployment, version: str) -> bool:
    """Whether the last word on a version is that it was rolled back."""
    words = [entry.event for entry in record.history if entry.version == version]
    words = [word for word in words if word in ("routed", "rolled-back")]
    return bool(words) and words[-1] == "rolled-back"


def settled_route(record: Deployment) -> Route:
    """What the gateway is to have while nothing is under way: the champion, and its spare."""
    champion, previous = record.champion, record.previous
    slots = [placed.slot if placed else None for placed in (champion, previous)]
    return Route(_version(record), *slots)


# --- the next move


def decide(record: Deployment, seen: Seen) -> Move:
    """The next move; see the states in this module's first lines."""
    moves: dict[State, Callable[[Deployment, Seen], Move]] = {
        "idle": _repair,
        "starting": _start,
        "warming": _warm,
        "routing": _route,
        "draining": _drain,
        "rolling-back": _roll_back,
        "undoing": _undo,
    }
    return moves[record.state](record, seen)


def _repair(record: Deployment, seen: Seen) -> Move:
    """Nothing is under way: the world is made to agree with the record."""
    champion, previous = record.champion, record.previous
    if champion is None:
        return Move(record, Finished())
    for placed in (champion, previous):
        if placed is not None and not _runs(placed, seen):
            return Move(record, Start(placed))
    if not _serves(champion, seen):
        if not seen.is_late:
            return Move(record, Wait())
        if previous is not None and _serves(previous, seen):
            return Move(begin_rollback(record, f"{champion.version} does not get ready again"))
    return Move(record, _tell(record, champion, seen))


def _tell(record: Deployment, champion: Placed, seen: Seen) -> Act:
    """Gateway, registry and clients get to know the champion."""
    wanted = settled_route(record)
    if seen.route != wanted:
        return Send(wanted)
    return Finished() if seen.announced == champion.version else Announce(champion)


def _start(record: Deployment, seen: Seen) -> Move:
    target, wanted = _target(record), _without_spare(record)
    if seen.route != wanted:
        return Move(record, Send(wanted))
    if _serves(target, seen):
        return Move(_advance(record, state="warming", slots=_occupied(record, target, seen)))
    return _become_ready(record, target, seen)


def _warm(record: Deployment, seen: Seen) -> Move:
    target = _target(record)
    if not _is_recorded(record, target, seen):
        return _late(record, seen) if seen.is_late else Move(_advance(record, state="starting"))
    if seen.golden != target.model_digest:
        return Move(record, Replay(target))
    return Move(_advance(record, state="routing", route_version=str(record.epoch + 1)))


def _route(record: Deployment, seen: Seen) -> Move:
    target, old = _target(record), record.champion
    wanted = Route(_version(record), target.slot, old.slot if old else None)
    if seen.route == wanted:
        if not _serves(target, seen) and old is not None and _serves(old, seen):
            return Move(give_up(record, "the slot died as it was routed", seen.now))
        return Move(_confirmed(record, target, previous=old, seen=seen))
    is_proven = _is_recorded(record, target, seen)
    if is_proven and seen.slots[target.slot].is_routable:
        return Move(record, Send(wanted))
    if seen.is_late:
        return _late(record, seen)
    return Move(record, Wait()) if is_proven else Move(_advance(record, state="starting"))


def _roll_back(record: Deployment, seen: Seen) -> Move:
    target = _target(record)
    wanted = Route(_version(record), target.slot)
    if seen.route == wanted:
        return Move(_rolled_back(record, target, seen))
    if _serves(target, seen) and seen.slots[target.slot].is_routable:
        return Move(record, Send(wanted))
    return _become_ready(record, target, seen)


def _become_ready(record: Deployment, target: Placed, seen: Seen) -> Move:
    """Patience while the target's process runs; a start where another or none does."""
    if seen.is_late:
        return _late(record, seen)
    there = seen.slots[target.slot]
    # Ready, yet not what we started: an older process under the same name.
    is_other = there.is_ready and not _serves(target, seen)
    is_to_start = is_other or not _runs(target, seen)
    return Move(record, Start(target) if is_to_start and _is_quiet(target.slot, seen) else Wait())


def _drain(record: Deployment, seen: Seen) -> Move:
    """The champion is routed. The previous one stays warm; any other slot is emptied."""
    champion = record.champion
    assert champion is not None  # noqa: S101 -- draining follows a confirmed champion
    if seen.announced != champion.version:
        return Move(record, Announce(champion))
    kept = {placed.slot for placed in (champion, record.previous) if placed}
    for slot in SLOTS:
        if slot not in kept and seen.slots[slot].bento is not None:
            return Move(record, Stop(slot) if _is_quiet(slot, seen) else Wait())
    return Move(_advance(record, state="idle"))


def _undo(record: Deployment, seen: Seen) -> Move:
    """Back to the champion, or to nobody; then the slot back to what it was kept for."""
    target, previous = _target(record), record.previous
    wanted = _without_spare(record)
    if seen.route != wanted:
        return Move(record, Send(wanted))
    if previous is not None and previous.slot == target.slot:
        if not _runs(previous, seen):
            return Move(record, Start(previous) if _is_quiet(target.slot, seen) else Wait())
        is_worth_waiting = previous.version != target.version and not seen.is_late
        if is_worth_waiting and not _serves(previous, seen):
            return Move(record, Wait())
    elif seen.slots[target.slot].bento is not None:
        return Move(record, Stop(target.slot) if _is_quiet(target.slot, seen) else Wait())
    emptied = {**record.slots, target.slot: None}
    version = str(record.epoch + 1)
    return Move(_advance(record, state="idle", target=None, slots=emptied, route_version=version))


# --- changes of the record


def _confirmed(
    record: Deployment, target: Placed, *, previous: Placed | None, seen: Seen
) -> Deployment:
    return _advance(
        record,
        state="draining",
        target=None,
        champion=target,
        previous=previous,
        slots=_occupied(record, target, seen),
        history=_told(record, "routed", target, seen.now),
    )


def _rolled_back(record: Deployment, target: Placed, seen: Seen) -> Deployment:
    bad = record.champion
    assert bad is not None  # noqa: S101 -- a rollback has a champion to leave
    history = _told(record, "rolled-back", bad, seen.now, record.reason)
    return _advance(
        record,
        state="draining",
        target=None,
        champion=target,
        previous=None,
        slots={**_occupied(record, target, seen), bad.slot: None},
        history=history,
    )


def _late(record: Deployment, seen: Seen) -> Move:
    return Move(give_up(record, f"not ready in time while {record.state}", seen.now))


def _advance(record: Deployment, **changes: object) -> Deployment:
    return record.model_copy(update={"epoch": record.epoch + 1, **changes})


def _told(
    record: Deployment, event: Event, placed: Placed, now: str, reason: str | None = None
) -> list[Entry]:
    entry = Entry(
        at=now, epoch=record.epoch + 1, event=event, version=placed.version, reason=reason
    )
    return [*record.history, entry]


def _occupied(record: Deployment, placed: Placed, seen: Seen) -> dict[SlotName, Slot | None]:
    there = seen.slots[placed.slot]
    slot = Slot(
        version=placed.version,
        digest=placed.model_digest,
        pid=there.pid,
        start_time=there.start_time,
        port=there.port,
    )
    return {**record.slots, placed.slot: slot}


# --- readings


def _target(record: Deployment) -> Placed:
    assert record.target is not None  # noqa: S101 -- every state but idle and draining has one
    return record.target


def _without_spare(record: Deployment) -> Route:
    return Route(_version(record), record.champion.slot if record.champion else None)


def _version(record: Deployment) -> str:
    return record.route_version or "0"


def _is_quiet(slot: SlotName, seen: Seen) -> bool:
    """Nobody waits for the slot's answer, or patience is at an end."""
    return seen.slots[slot].in_flight == 0 or seen.is_late


def _runs(placed: Placed, seen: Seen) -> bool:
    return seen.slots[placed.slot].bento == placed.bento


def _serves(placed: Placed, seen: Seen) -> bool:
    there = seen.slots[placed.slot]
    identity = (there.version, there.digest)
    return there.is_ready and identity == (placed.version, placed.model_digest)


def _is_recorded(record: Deployment, placed: Placed, seen: Seen) -> bool:
    """It serves, by the very process that the record names: what was proven, not a successor."""
    slot, there = record.slots[placed.slot], seen.slots[placed.slot]
    if slot is None or not _serves(placed, seen):
        return False
    return (slot.pid, slot.start_time) == (there.pid, there.start_time)
