"""The deployment machine over a world that kills the deployer at every act."""

import contextlib

import pytest

from pipelines.contracts.release import Deployment, Placed
from pipelines.errors import GatewayRejected, GoldenMismatch, SlotNotReady
from pipelines.rollout import machine
from pipelines.rollout.drive import drive
from pipelines.rollout.moves import Route
from tests.unit.rollout.fake_world import PATIENCE_SECONDS, Death, FakeWorld, Killed
from tests.unit.rollout.story import deploy, roll_back

# More acts than any deployment has; the loop over crash points ends where none is left.
MAX_ACTS = 60


def world_with(*numbers: int) -> FakeWorld:
    """A world in which these versions were deployed, one after the other."""
    world = FakeWorld()
    for number in numbers:
        deploy(world, number)
    world.acts = 0
    return world


def versions(record: Deployment) -> tuple[str | None, str | None]:
    """Champion and previous."""
    champion, previous = record.champion, record.previous
    return champion and champion.version, previous and previous.version


def acts_until_routed(number: int) -> int:
    """The crash point right after the gateway has taken the route to this version."""
    world = world_with(1)
    before, points = world.send, []

    def send(route: Route) -> None:
        before(route)
        points.append(world.acts)

    world.send = send  # type: ignore[method-assign]  # watches one call
    deploy(world, number)
    return points[-1]


def test_first_version_goes_live_in_blue() -> None:
    world = FakeWorld()

    record = deploy(world, 1)

    assert record.state == "idle"
    assert versions(record) == ("recommender@v1.0.0", None)
    assert world.route == Route(record.route_version or "", "blue")
    assert world.registry == "recommender@v1.0.0"
    assert world.violations == []


def test_second_version_keeps_the_first_warm() -> None:
    world = world_with(1, 2)

    assert versions(world.record) == ("recommender@v2.0.0", "recommender@v1.0.0")
    assert world.route.slot == "green"
    assert world.serves("blue") == "recommender@v1.0.0"


def test_slot_record_names_the_process_that_serves() -> None:
    world = world_with(1)

    slot = world.record.slots["blue"]

    assert slot is not None
    assert (slot.version, slot.digest, slot.pid) == ("recommender@v1.0.0", f"{1:064x}", 1)
    assert world.record.slots["green"] is None


def test_version_that_never_gets_ready_leaves_the_champion_and_its_spare() -> None:
    world = world_with(1, 2)
    world.never_ready = {"recommender@v3.0.0"}

    with pytest.raises(SlotNotReady, match="the log of blue"):
        deploy(world, 3)

    assert versions(world.record) == ("recommender@v2.0.0", "recommender@v1.0.0")
    assert world.record.state == "idle"
    assert world.record.reason == "not ready in time while starting"
    assert world.processes["blue"] is not None
    assert world.processes["blue"].placed.version == "recommender@v1.0.0"


def test_version_that_answers_wrong_is_never_routed() -> None:
    world = world_with(1)
    world.wrong = {"recommender@v2.0.0"}

    with pytest.raises(GoldenMismatch):
        deploy(world, 2)

    assert world.route.slot == "blue"
    assert world.processes["green"] is None
    assert world.record.history[-1].event == "failed"
    assert world.violations == []


def test_rejected_route_keeps_the_champion_until_the_gateway_takes_files_again() -> None:
    world = world_with(1)
    world.gateway_rejects = True
    with pytest.raises(GatewayRejected):
        deploy(world, 2)
    assert world.route.slot == "blue"

    world.gateway_rejects = False
    record = deploy(world, 2)

    assert versions(record) == ("recommender@v2.0.0", "recommender@v1.0.0")


def test_slot_that_dies_as_it_is_routed_gives_the_route_back() -> None:
    world = world_with(1)
    world.kill_at = acts_until_routed(2)
    with contextlib.suppress(Killed):
        deploy(world, 2)
    assert world.route.slot == "green"

    world.kill_at, world.never_ready = None, {"recommender@v2.0.0"}
    with pytest.raises(SlotNotReady, match="died as it was routed"):
        drive(world.record, world, PATIENCE_SECONDS)

    assert world.route.slot == "blue"
    assert versions(world.record) == ("recommender@v1.0.0", None)
    assert world.processes["green"] is None
    assert world.violations == []


def test_rollback_returns_to_the_previous_version_and_marks_the_other() -> None:
    world = world_with(1, 2)

    record = roll_back(world)

    assert versions(record) == ("recommender@v1.0.0", None)
    assert world.route.slot == "blue"
    assert machine.is_rolled_back(record, "recommender@v2.0.0")
    assert not machine.is_rolled_back(record, "recommender@v1.0.0")
    assert world.processes["green"] is None


def test_deploying_a_version_again_lifts_its_mark() -> None:
    world = world_with(1, 2)
    roll_back(world)

    record = deploy(world, 2)

    assert not machine.is_rolled_back(record, "recommender@v2.0.0")


def test_rollback_starts_a_previous_version_that_has_died() -> None:
    world = world_with(1, 2)
    world.processes["blue"] = None

    record = roll_back(world)

    assert versions(record) == ("recommender@v1.0.0", None)
    assert world.violations == []


def test_rollback_to_a_version_that_cannot_start_changes_nothing() -> None:
    world = world_with(1, 2)
    world.never_ready = {"recommender@v1.0.0"}

    with pytest.raises(SlotNotReady):
        roll_back(world)

    assert versions(world.record) == ("recommender@v2.0.0", "recommender@v1.0.0")
    assert world.route.slot == "green"
    assert not machine.is_rolled_back(world.record, "recommender@v2.0.0")


def test_idle_machine_repairs_a_route_that_disagrees_with_the_record() -> None:
    world = world_with(1, 2)
    world.route = Route("0", None)

    drive(world.record, world, PATIENCE_SECONDS)

    assert world.route == Route(world.record.route_version or "", "green", spare="blue")


def test_idle_machine_starts_a_champion_that_is_gone() -> None:
    world = world_with(1)
    world.processes["blue"] = None

    drive(world.record, world, PATIENCE_SECONDS)

    assert world.serves("blue") == "recommender@v1.0.0"


@pytest.mark.parametrize("before", [(), (1,), (1, 2)], ids=["first", "second", "third"])
@pytest.mark.parametrize("point", range(1, MAX_ACTS))
def test_deployer_killed_at_any_act_is_finished_by_the_next(
    before: tuple[int, ...], point: int
) -> None:
    world = world_with(*before)
    world.kill_at = point
    with contextlib.suppress(Killed):
        deploy(world, 3)

    world.kill_at = None
    record = deploy(world, 3)

    assert versions(record)[0] == "recommender@v3.0.0"
    assert versions(record)[1] == (f"recommender@v{before[-1]}.0.0" if before else None)
    assert record.state == "idle"
    assert world.serves(world.route.slot) == "recommender@v3.0.0"
    assert world.registry == "recommender@v3.0.0"
    assert world.violations == []


@pytest.mark.parametrize("point", range(1, MAX_ACTS))
def test_failing_deployment_killed_at_any_act_is_undone_by_the_next(point: int) -> None:
    world = world_with(1, 2)
    world.wrong = {"recommender@v3.0.0"}
    world.kill_at = point
    with contextlib.suppress(Killed, GoldenMismatch):
        deploy(world, 3)

    world.kill_at = None
    with contextlib.suppress(GoldenMismatch):
        drive(world.record, world, PATIENCE_SECONDS)

    assert versions(world.record) == ("recommender@v2.0.0", "recommender@v1.0.0")
    assert world.serves(world.route.slot) == "recommender@v2.0.0"
    assert world.violations == []


@pytest.mark.parametrize("point", range(1, MAX_ACTS))
def test_rollback_killed_at_any_act_is_finished_by_the_next(point: int) -> None:
    world = world_with(1, 2)
    world.kill_at = point
    begun = False
    with contextlib.suppress(Killed):
        roll_back(world)
        begun = True

    world.kill_at = None
    record = drive(world.record, world, PATIENCE_SECONDS)
    begun = begun or machine.is_rolled_back(record, "recommender@v2.0.0")

    expected = ("recommender@v1.0.0", None)
    assert versions(record) == (expected if begun else ("recommender@v2.0.0", "recommender@v1.0.0"))
    assert world.serves(world.route.slot) == versions(record)[0]
    assert world.violations == []


def test_previous_version_is_the_spare_until_its_slot_is_needed() -> None:
    world = world_with(1, 2)
    assert (world.route.slot, world.route.spare) == ("green", "blue")
    world.kill_at = 7  # the telling, the intent, the route, with two crash points each; the start

    with contextlib.suppress(Killed):
        deploy(world, 3)

    assert (world.route.slot, world.route.spare) == ("green", None)
    assert world.serves("blue") == "recommender@v1.0.0"


def test_failed_deployment_gives_the_spare_back_ready() -> None:
    world = world_with(1, 2)
    world.wrong = {"recommender@v3.0.0"}

    with pytest.raises(GoldenMismatch):
        deploy(world, 3)

    assert (world.route.slot, world.route.spare) == ("green", "blue")
    assert world.serves("blue") == "recommender@v1.0.0"


def test_version_that_is_rolled_back_is_no_spare() -> None:
    world = world_with(1, 2)

    roll_back(world)

    assert world.route.spare is None


def test_process_that_follows_the_proven_one_is_proven_before_it_is_routed() -> None:
    world = world_with(1)
    before = world.replay

    def replay_then_die(placed: Placed) -> None:
        before(placed)
        world.replay = before  # type: ignore[method-assign]  # once
        world.die("green")

    world.replay = replay_then_die  # type: ignore[method-assign]
    deploy(world, 2)

    process = world.processes["green"]
    assert process is not None
    assert process.pid in world.proven
    assert world.violations == []


def test_champion_that_cannot_come_back_gives_way_to_the_version_that_answers() -> None:
    world = world_with(1, 2)
    world.never_ready = {"recommender@v2.0.0"}
    world.die("green")

    record = drive(world.record, world, PATIENCE_SECONDS)

    assert versions(record) == ("recommender@v1.0.0", None)
    assert machine.is_rolled_back(record, "recommender@v2.0.0")
    assert record.history[-1].reason == "recommender@v2.0.0 does not get ready again"


def test_slot_that_gets_ready_and_dies_again_and_again_is_given_up() -> None:
    world = world_with(1)
    world.deaths = {world.looks + look: Death("green") for look in range(5, 500, 5)}

    with pytest.raises(SlotNotReady):
        deploy(world, 2)

    assert versions(world.record) == ("recommender@v1.0.0", None)


def test_registry_that_disagrees_with_the_record_is_told_again() -> None:
    world = world_with(1, 2)
    world.registry = "recommender@v1.0.0"

    drive(world.record, world, PATIENCE_SECONDS)

    assert world.registry == "recommender@v2.0.0"
