"""Deployments good and bad, rollbacks, kills, deaths and reboots, in any order."""

import contextlib

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from pipelines.contracts.release import SLOTS, Deployment, SlotName
from pipelines.errors import GatewayRejected, GoldenMismatch, SlotNotReady
from pipelines.rollout import machine
from pipelines.rollout.drive import drive
from tests.unit.rollout.fake_world import PATIENCE_SECONDS, Death, FakeWorld, Killed, make_release

FAILURES = (Killed, GoldenMismatch, SlotNotReady, GatewayRejected)
STEPS = 12  # of one sequence

crash_points = st.none() | st.integers(1, 40)
some_deaths = st.dictionaries(
    st.integers(1, 25), st.builds(Death, st.sampled_from(SLOTS), st.booleans()), max_size=3
)


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


def sequences(count: int, *, are_reproducible: bool = True) -> settings:
    """So many sequences, whatever they take."""
    return settings(
        max_examples=count,
        stateful_step_count=STEPS,
        deadline=None,
        database=None,
        derandomize=are_reproducible,
        suppress_health_check=list(HealthCheck),
    )


class DeploymentStory(RuleBasedStateMachine):
    """Every step may be cut short by the deployer's death; the invariants hold after each act."""

    def __init__(self) -> None:
        super().__init__()
        self.world = FakeWorld()
        self.next_number = 1
        self.epoch = 0

    @rule(
        kill_at=crash_points, fault=st.sampled_from(["", "", "wrong", "never"]), deaths=some_deaths
    )
    def deploy_next(self, kill_at: int | None, fault: str, deaths: dict[int, Death]) -> None:
        version = f"recommender@v{self.next_number}.0.0"
        self.world.wrong |= {version} if fault == "wrong" else set()
        self.world.never_ready |= {version} if fault == "never" else set()
        self._run(kill_at, deaths, lambda: deploy(self.world, self.next_number))
        self.next_number += 1

    @precondition(lambda self: self.world.record.state == "idle" and self.world.record.previous)
    @rule(kill_at=crash_points, deaths=some_deaths)
    def roll_back(self, kill_at: int | None, deaths: dict[int, Death]) -> None:
        self._run(kill_at, deaths, lambda: roll_back(self.world))

    @rule(kill_at=crash_points, deaths=some_deaths)
    def go_on(self, kill_at: int | None, deaths: dict[int, Death]) -> None:
        self._run(kill_at, deaths, lambda: drive(self.world.record, self.world, PATIENCE_SECONDS))

    @rule()
    def somebody_changes_the_registry(self) -> None:
        self.world.registry = "recommender@v99.0.0"

    @rule(slot=st.sampled_from(SLOTS))
    def slot_dies(self, slot: SlotName) -> None:
        self.world.die(slot)

    @precondition(lambda self: self.world.record.champion)
    @rule()
    def champion_is_broken_for_good(self) -> None:
        """Its process dies and none of it gets ready again, as with a model store deleted."""
        champion = self.world.record.champion
        assert champion is not None
        self.world.never_ready.add(champion.version)
        self.world.die(champion.slot)

    @rule()
    def what_was_broken_is_mended(self) -> None:
        self.world.never_ready.clear()

    @rule()
    def reboot(self) -> None:
        self.world.reboot()

    @rule(rejects=st.booleans())
    def gateway_changes_its_mind(self, rejects: bool) -> None:
        self.world.gateway_rejects = rejects

    @rule()
    def next_run_settles(self) -> None:
        """With nothing broken, one run brings record, gateway, slots and registry together."""
        self.world.gateway_rejects, self.world.never_ready = False, set()
        with contextlib.suppress(GoldenMismatch, SlotNotReady):
            drive(self.world.record, self.world, PATIENCE_SECONDS)
        record = drive(self.world.record, self.world, PATIENCE_SECONDS)
        champion, previous = record.champion, record.previous
        assert (record.state, record.target) == ("idle", None)
        if champion is not None:
            assert self.world.route == machine.settled_route(record)
            assert self.world.answers() == champion.version
            assert self.world.registry == champion.version
        kept = {placed.slot: placed for placed in (champion, previous) if placed}
        running = {
            slot: process.placed for slot, process in self.world.processes.items() if process
        }
        assert running == kept

    @invariant()
    def nothing_that_an_observer_may_rely_on_was_broken(self) -> None:
        self.world.check()
        assert self.world.violations == []

    @invariant()
    def epoch_never_falls(self) -> None:
        assert self.world.record.epoch >= self.epoch
        self.epoch = self.world.record.epoch

    def _run(self, kill_at: int | None, deaths: dict[int, Death], action) -> None:  # type: ignore[no-untyped-def]  # one of the calls above
        world = self.world
        world.acts, world.kill_at = 0, kill_at
        world.deaths = {world.looks + after: death for after, death in deaths.items()}
        with contextlib.suppress(*FAILURES):
            action()
        world.kill_at, world.deaths = None, {}
