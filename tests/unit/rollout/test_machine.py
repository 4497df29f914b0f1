"""The deployment machine over a world that kills the deployer at every act."""

import contextlib
from dataclasses import dataclass, field

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pipelines.contracts.release import Deployment
from pipelines.errors import GatewayRejected, GoldenMismatch, SlotNotReady
from pipelines.rollout import machine
from pipelines.rollout.drive import drive
from pipelines.rollout.moves import Route
from tests.unit.rollout.fake_world import PATIENCE_SECONDS, FakeWorld, Killed, make_release

# More acts than any deployment has; the loop over crash points ends where none is left.
MAX_ACTS = 60


def deploy(world: FakeWorld, number: int) -> Deployment:
    """One run of the deployer: finish what is pending, then make a version the champion."""
    record = drive(world.record, world, PATIENCE_SECONDS)
    release = make_release(number, machine.free_slot(record))
    if record.champion and record.champion.version == release.version:
        return record
    record = machine.begin(record, release)
    world.save(record)
    return drive(record, world, PATIENCE_SECONDS)


def roll_back(world: FakeWorld) -> Deployment:
    """One run of the rollback."""
    record = machine.begin_rollback(world.record)
    world.save(record)
    return drive(record, world, PATIENCE_SECONDS)


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
    return points[0]


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
    assert (slot.version, slot.digest, slot.pid) == ("recommender@v1.0.0", f"{1:064x}", 7)
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

    assert world.route == Route(world.record.route_version or "", "green")


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


@dataclass
class Expected:
    """What must hold whatever happens."""

    next_number: int = 1
    epochs: list[int] = field(default_factory=lambda: [0])


class DeploymentStory(RuleBasedStateMachine):
    """Deployments good and bad, rollbacks, kills, deaths and reboots, in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.world = FakeWorld()
        self.expected = Expected()

    @rule(kill_at=st.none() | st.integers(1, 40), fault=st.sampled_from(["", "wrong", "never"]))
    def deploy_next(self, kill_at: int | None, fault: str) -> None:
        version = f"recommender@v{self.expected.next_number}.0.0"
        self.world.wrong = {version} if fault == "wrong" else set()
        self.world.never_ready = {version} if fault == "never" else set()
        self._run(kill_at, lambda: deploy(self.world, self.expected.next_number))
        self.expected.next_number += 1
        self.world.wrong, self.world.never_ready = set(), set()

    @precondition(lambda self: self.world.record.state == "idle" and self.world.record.previous)
    @rule(kill_at=st.none() | st.integers(1, 20))
    def roll_back(self, kill_at: int | None) -> None:
        self._run(kill_at, lambda: roll_back(self.world))

    @rule(slot=st.sampled_from(["blue", "green"]))
    def slot_dies(self, slot: str) -> None:
        process = self.world.processes[slot]  # type: ignore[index]  # a literal of the two slots
        if process is not None:
            process.looks = 0  # the supervisor starts it again

    @rule()
    def reboot(self) -> None:
        self.world.reboot()

    @rule(rejects=st.booleans())
    def gateway_changes_its_mind(self, rejects: bool) -> None:
        self.world.gateway_rejects = rejects

    @rule()
    def next_run_settles(self) -> None:
        self.world.gateway_rejects = False
        with contextlib.suppress(GoldenMismatch, SlotNotReady):
            drive(self.world.record, self.world, PATIENCE_SECONDS)
        record = drive(self.world.record, self.world, PATIENCE_SECONDS)
        champion = record.champion
        assert record.state == "idle"
        assert record.target is None
        assert self.world.route.slot == (champion.slot if champion else None)
        assert self.world.serves(self.world.route.slot) == (champion and champion.version)

    @invariant()
    def nothing_unproven_was_routed_and_no_server_of_clients_stopped(self) -> None:
        assert self.world.violations == []

    @invariant()
    def epoch_never_falls(self) -> None:
        self.expected.epochs.append(self.world.record.epoch)
        assert self.expected.epochs == sorted(self.expected.epochs)

    def _run(self, kill_at: int | None, action) -> None:  # type: ignore[no-untyped-def]  # one of two calls above
        self.world.acts, self.world.kill_at = 0, kill_at
        with contextlib.suppress(Killed, GoldenMismatch, SlotNotReady, GatewayRejected):
            action()
        self.world.kill_at = None


TestDeploymentStory = DeploymentStory.TestCase
TestDeploymentStory.settings = settings(
    max_examples=150,
    stateful_step_count=12,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
