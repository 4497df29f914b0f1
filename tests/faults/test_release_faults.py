"""Faults of a release on real processes: supervisord, Envoy, Bentos of a small artifact.

All tests share one site, and each leaves it whole: a champion that answers and a warm spare.
"""

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from pipelines import processes, storage
from pipelines.contracts.release import other
from pipelines.rollout import machine
from pipelines.rollout.moves import Route
from pipelines.rollout.turn import write_turn
from pipelines.rollout.watch import CRASHES
from tests.faults import release_site
from tests.faults.observer import PATIENCE_SECONDS
from tests.faults.release_damage import edit_in_place, put_another_schema, stranger, truncate
from tests.faults.release_site import (
    ROOT,
    ReleaseSite,
    age_seconds,
    ended,
    observed,
    pid_of,
    version,
)
from tests.faults.storm import N_KILLS, VICTIMS, Storm
from tests.integration.running import wait_until
from tests.unit.rollout.story import DeploymentStory, sequences

BLINK_SECONDS = 3.0
RESTART_SECONDS = 90.0  # of a slot: the import of TensorFlow on a busy machine
GATEWAY_SECONDS = 5.0
TICKS_SECONDS = 20.0  # the start of a slot on a quiet machine, and two ticks of the watchdog
ROLLBACK_SECONDS = 5.0
NOTHING = 99
N_SEQUENCES = 2_000
MACHINE_SECONDS = 90.0


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ReleaseSite]:
    yield from release_site.make(tmp_path_factory.mktemp("release"))


@pytest.fixture
def site(shared: ReleaseSite) -> ReleaseSite:
    """The site, whole."""
    shared.settle()
    return shared


def live_and_spare(site: ReleaseSite) -> tuple[str, str]:
    """Names of the slots of champion and previous."""
    record = site.record()
    assert record.champion is not None
    assert record.previous is not None
    return record.champion.slot, record.previous.slot


def other_version(site: ReleaseSite) -> int:
    """A version that neither is live nor the spare."""
    record = site.record()
    names = {placed.version for placed in (record.champion, record.previous) if placed}
    return next(number for number in release_site.NUMBERS if version(number) not in names)


TestDeploymentStory = pytest.mark.fault(35)(DeploymentStory.TestCase)
TestDeploymentStory.settings = sequences(N_SEQUENCES)


@pytest.mark.fault(38)
def test_killed_champion_is_replaced_by_its_spare_within_the_blink(site: ReleaseSite) -> None:
    before = site.record()
    champion, spare = live_and_spare(site)
    with observed(site) as watch:
        site.send(signal.SIGKILL, champion)
        wait_until(lambda: site.gateway.answering() == spare, "the spare answers")
        assert site.tandem("status").out["failover"] == before.previous.version

        site.settle()

    assert watch.gap_seconds < BLINK_SECONDS
    assert site.record() == before
    assert site.disagreements() == []


@pytest.mark.fault(39)
def test_frozen_champion_is_ejected_and_its_process_replaced(site: ReleaseSite) -> None:
    before = site.record()
    champion, _ = live_and_spare(site)
    pid = pid_of(site, champion)
    wait_until(lambda: age_seconds(pid) > TICKS_SECONDS, "the watchdog has seen it answer", 30)
    with observed(site) as watch:
        site.send(signal.SIGSTOP, champion)

        wait_until(lambda: pid_of(site, champion) not in (pid, None), "it is replaced", 60)
        site.settle()

    # Two health checks that wait for a second each, a second apart; then a client's own patience.
    assert watch.gap_seconds < BLINK_SECONDS + PATIENCE_SECONDS
    assert site.record() == before


@pytest.mark.fault(42)
def test_killed_gateway_is_back_with_its_routes_and_the_slots_go_on(site: ReleaseSite) -> None:
    route = site.gateway.accepted()
    pids = [pid_of(site, slot) for slot in ("blue", "green")]
    with observed(site) as watch:
        site.send(signal.SIGKILL, "gateway")
        wait_until(lambda: not site.gateway.ready(), "it is down")
        wait_until(site.gateway.ready, "it is back")
        wait_until(lambda: site.live() is not None, "clients are answered")

    assert watch.gap_seconds < GATEWAY_SECONDS
    assert site.gateway.accepted() == route
    assert [pid_of(site, slot) for slot in ("blue", "green")] == pids


@pytest.mark.fault(43)
@pytest.mark.parametrize("damage", [truncate, put_another_schema, edit_in_place, Path.unlink])
def test_damaged_route_file_changes_nothing_and_the_next_deploy_mends_it(
    site: ReleaseSite, damage
) -> None:
    route, file = site.gateway.accepted(), site.home.gateway / "watched" / "routes.json"
    with observed(site) as watch:
        damage(file)
        assert site.gateway.accepted() == route

        done = site.tandem("deploy", "--version", str(site.record().champion.version))

    assert done.code == 99
    assert "repaired: the gateway has" in done.err
    assert set(watch.seen["answers"]) == {site.record().champion.version}
    assert site.gateway.confirmed() == route


@pytest.mark.fault(32)
@pytest.mark.parametrize("shares", [False, True], ids=["plain", "SO_REUSEPORT"])
def test_stranger_on_a_port_of_ours_is_never_routed_to(site: ReleaseSite, shares: bool) -> None:
    """It comes while the spare's process is dead; no restart and no deployment may use the port."""
    _, spare = live_and_spare(site)
    port, number = site.ports.numbers()[spare], other_version(site)
    live = site.live()
    site.supervisor.remove(spare)
    with observed(site) as watch, stranger(port, shares=shares):
        done = site.deploy(number)
        assert not site.gateway.slots()[spare].is_well

    assert done.code == 5, done.err
    assert done.error["code"] == "port-taken"
    assert f"port {port} of slot {spare}" in done.error["message"]
    assert "python" in done.error["message"]
    assert set(watch.seen["answers"]) == {live}
    assert site.tandem("deploy", "--version", live).code == 99  # brings the spare back


@pytest.mark.fault(35)
def test_deployer_killed_after_each_act_is_finished_by_the_next(site: ReleaseSite) -> None:
    number, kills = other_version(site), 0
    words = [sys.executable, "-m", "tests.faults.release_acts", str(site.home.path)]
    with observed(site):
        while True:
            # Golden requests that nobody lived to note are asked again: hence one act or two.
            acts = str(1 + kills % 2)
            done = subprocess.run([*words, version(number), acts], cwd=ROOT, check=False)
            if done.returncode == 0:
                break
            assert done.returncode == -signal.SIGKILL
            kills += 1

    # Intent, route, start, warming, golden requests, routing, route, draining, telling, idle.
    assert kills >= 6
    assert site.record().champion.version == version(number)
    assert site.disagreements() == []


@pytest.mark.fault(36)
def test_deployer_that_wakes_after_another_has_gone_on_writes_nothing(site: ReleaseSite) -> None:
    late_number, before = other_version(site), site.record()
    late = site.start("deploy", "--version", version(late_number))
    wait_until(lambda: site.record().state == "starting", "it is at work", 60)
    wait_until(lambda: len(site.members(other(before.champion.slot))) > 0, "it has started a slot")
    with observed(site):
        with write_turn(site.home):  # so that it is not in the middle of an act
            late.send_signal(signal.SIGSTOP)
        second = site.tandem("rollback")
        after = site.record()
        late.send_signal(signal.SIGCONT)
        done = ended(late)

    assert second.code == 0, second.err
    assert (done.code, done.error["code"]) == (5, "superseded")
    assert site.record() == after
    assert site.deploy(late_number).code == 0


@pytest.mark.fault(37)
def test_machine_that_lost_all_processes_is_brought_back_by_one_up(site: ReleaseSite) -> None:
    before, record = site.tandem("status").out, site.record()
    marked = {"SUPERVISOR_SERVER_URL": f"unix://{site.home.supervisor / 'supervisor.sock'}"}
    daemon = psutil.Process(int((site.home.supervisor / "supervisord.pid").read_text()))
    for process in [daemon, *processes.with_variables(marked)]:
        process.kill()

    started = time.monotonic()
    done = site.tandem("up")
    wait_until(lambda: site.live() is not None, "the first good answer")

    assert done.code == 0, done.err
    assert time.monotonic() - started < MACHINE_SECONDS
    site.settle()
    after = site.tandem("status").out
    assert site.record() == record
    for part in ("champion", "previous", "failover", "gateway"):
        assert after[part] == before[part]
    names = [
        sorted(service["name"] for service in status["services"]) for status in (before, after)
    ]
    assert names[0] == names[1]


@pytest.mark.fault(37)
def test_lost_online_store_is_built_anew_though_nothing_is_to_be_deployed(
    site: ReleaseSite,
) -> None:
    site.home.online.unlink()
    for slot in live_and_spare(site):
        site.send(signal.SIGKILL, slot)

    assert site.tandem("deploy", "--version", site.record().champion.version).code == NOTHING

    live = site.record().champion.version
    wait_until(lambda: site.live() == live, "the champion answers again")


@pytest.mark.fault(11)
def test_slow_disk_makes_a_deployment_slow_and_nothing_else(site: ReleaseSite) -> None:
    number = other_version(site)
    slow = ("-f", "-qq", "-o", os.devnull, "-e", "trace=fsync")
    inject = ("-e", "inject=fsync:delay_enter=500000")
    with observed(site) as watch:
        done = site.tandem("deploy", "--version", version(number), under=("strace", *slow, *inject))

    assert done.code == 0, done.err
    assert set(watch.seen["answers"]) <= {version(one) for one in release_site.NUMBERS}
    assert site.disagreements() == []


@pytest.mark.fault(40)
def test_champion_in_a_crash_loop_gives_way_to_the_version_before(site: ReleaseSite) -> None:
    before = site.record()
    champion, _ = live_and_spare(site)
    code = Path(before.champion.bento_path) / "src/services/recommender/service.py"
    whole = code.read_bytes()
    try:
        with observed(site):
            code.write_text("raise SystemExit(1)\n")
            site.send(signal.SIGKILL, champion)
            wait_until(lambda: is_returned(site, before.previous.version), "it is returned", 180)
    finally:
        code.write_bytes(whole)

    record = site.record()
    assert machine.is_rolled_back(record, before.champion.version)
    assert "crashed" in str(record.history[-1].reason)
    assert site.live() == before.previous.version
    assert site.disagreements() == []
    assert site.deploy(other_version(site)).code == 0


@pytest.mark.fault(40)
def test_return_that_the_watchdog_could_not_finish_goes_on_with_the_next_crash(
    site: ReleaseSite,
) -> None:
    before = site.record()
    begun = machine.begin_rollback(before, "crashed 3 times in a row")
    storage.write_record(site.home.deployment, begun)
    champion, _ = live_and_spare(site)

    for _ in range(CRASHES):
        pid = pid_of(site, champion)
        site.send(signal.SIGKILL, champion)
        wait_until(
            lambda old=pid: (
                is_returned(site, before.previous.version)
                or pid_of(site, champion) not in (None, old)
            ),
            "it is back, or left",
            60,
        )
    wait_until(lambda: is_returned(site, before.previous.version), "it is returned", 60)

    assert site.deploy(other_version(site)).code == 0


@pytest.mark.fault(37)
def test_up_in_the_middle_of_a_rollback_leaves_the_slot_that_answers(site: ReleaseSite) -> None:
    before = site.record()
    begun = machine.begin_rollback(before)
    storage.write_record(site.home.deployment, begun)
    site.gateway.route(Route(begun.route_version, begun.target.slot))
    pid = pid_of(site, begun.target.slot)

    assert site.tandem("up").code == 0

    assert pid_of(site, begun.target.slot) == pid
    assert site.live() == begun.target.version
    assert site.tandem("rollback").code == 0
    assert site.deploy(other_version(site)).code == 0


def is_returned(site: ReleaseSite, name: str) -> bool:
    record = site.record()
    return record.state == "idle" and record.champion.version == name


@pytest.mark.fault(37)
def test_rollback_works_with_the_bad_version_deleted_from_disk(site: ReleaseSite) -> None:
    before = site.record()
    name, _, tag = before.champion.bento.partition(":")
    kept = site.home.path / "kept"
    for store in ("models", "bentos"):
        shutil.move(site.home.bentoml / store / name / tag, kept / store)
    try:
        started = time.monotonic()
        with observed(site) as watch:
            done = site.tandem("rollback")
        seconds = time.monotonic() - started
    finally:
        for store in ("models", "bentos"):
            shutil.move(kept / store, site.home.bentoml / store / name / tag)

    assert done.code == 0, done.err
    assert done.out["version"] == before.previous.version
    assert done.out["seconds"] < ROLLBACK_SECONDS < seconds + ROLLBACK_SECONDS
    assert set(watch.seen["answers"]) <= {before.champion.version, before.previous.version}
    assert site.deploy(other_version(site)).code == 0


@pytest.mark.fault(35)
def test_storm_of_kills_breaks_no_invariant_and_one_deploy_ends_it(site: ReleaseSite) -> None:
    storm = Storm(site, seed=7)
    with observed(site) as watch:
        storm.blow()
        storm.calm()
        done = site.tandem("deploy", "--version", version(3))

    assert storm.done.total() == N_KILLS
    assert storm.victims() == set(VICTIMS)
    assert done.code in (0, 99), done.err
    assert site.disagreements() == []
    assert watch.seen["looks"] > 20 * watch.seen["seconds"]
