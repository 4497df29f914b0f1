"""Single moves of the deployment machine, where the world shows something odd."""

from dataclasses import replace

import pytest

from pipelines.rollout.machine import begin_rollback, decide, free_slot
from pipelines.rollout.moves import Announce, Seen, Send, Stop, Wait
from tests.unit.rollout.fake_world import FakeWorld
from tests.unit.rollout.story import deploy


def seen_in(world: FakeWorld, **changes: object) -> Seen:
    """What there is to see; the changes are to every slot."""
    slots, route = world.look(world.record)
    odd = {slot: replace(seen, **changes) for slot, seen in slots.items()}  # type: ignore[arg-type]
    return Seen(slots=odd, route=route, now=world.now())


@pytest.mark.parametrize(
    ("changes", "expected"),
    [({}, Announce), ({"digest": "f" * 64}, Wait), ({"version": "recommender@v9.0.0"}, Wait)],
    ids=["ours", "another digest", "another version"],
)
def test_slot_is_the_champion_s_by_version_and_by_digest(
    changes: dict[str, object], expected: type
) -> None:
    world = FakeWorld()
    deploy(world, 1)

    assert isinstance(decide(world.record, seen_in(world, **changes)).act, expected)


def test_slot_with_requests_in_flight_is_not_stopped() -> None:
    world = FakeWorld()
    for number in (1, 2):
        deploy(world, number)
    world.save(begin_rollback(world.record))
    while not isinstance(act := decide(world.record, seen_in(world)).act, Send):
        world.wait()
    world.send(act.route)
    world.save(decide(world.record, seen_in(world)).record)
    world.announce(world.record.champion)  # type: ignore[arg-type]
    told = {"announced": "recommender@v1.0.0"}

    busy, quiet = (replace(seen_in(world, in_flight=number), **told) for number in (1, 0))

    assert world.record.state == "draining"
    assert isinstance(decide(world.record, busy).act, Wait)
    assert decide(world.record, quiet).act == Stop("green")


def test_new_release_goes_to_the_slot_that_the_champion_is_not_in() -> None:
    world = FakeWorld()
    deploy(world, 1)

    assert free_slot(world.record) == "green"
