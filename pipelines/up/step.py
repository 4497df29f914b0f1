"""`up` and `down`: the services of one machine under one supervisor, as the records say."""

import sys
import time
from collections.abc import Callable
from pathlib import Path

import httpx

from pipelines import identity, storage
from pipelines.airflow import INGESTION_POOL, Airflow, database
from pipelines.contracts.release import SLOTS, Deployment, Down, Ports, SlotName, Up
from pipelines.errors import StartTimeout
from pipelines.home import Home
from pipelines.params import Params
from pipelines.programs import Program
from pipelines.progress import log
from pipelines.rollout import client_env, health, machine, record, slots, watch
from pipelines.rollout.gateway import Gateway
from pipelines.rollout.listeners import is_taken
from pipelines.rollout.local import local_client
from pipelines.rollout.moves import Route
from pipelines.supervisor import Supervisor, reads
from pipelines.up import airflow_home, ports

GATEWAY = "gateway"
POLL_SECONDS = 0.25
PROBE_SECONDS = 2.0
SAY_SECONDS = 10.0


def up(params: Params, next_free_ports: bool) -> Up:
    """Starts what does not run yet: gateway, recorded slots and, by setting, Airflow.

    Raises:
        PortTaken: A port is in use and another may not be taken.
        StartTimeout: A service is not healthy in time.
    """
    home = Home.find().require().ensure()
    with storage.lock(home.locks / "up.lock", "up"):
        supervisor = Supervisor(home)
        supervisor.clear()  # its left-overs hold our ports
        chosen = _ports(home, params, supervisor, next_free_ports)
        for note in ports.moved(chosen):
            log(f"port of {note} (was taken)")
        _prepare(home, params, chosen, is_running=supervisor.alive())
        _run(supervisor, _programs(home, params, chosen), _busy_slot(record.read(home)))
        _write_client_env(home, params, chosen)
        _wait_healthy(home, params, chosen, supervisor)
        if params.up.airflow:
            Airflow.of(home).make_pool(INGESTION_POOL, slots=1)
        return Up(
            home=str(home.path),
            gateway=f"http://127.0.0.1:{chosen.gateway}",
            airflow=_airflow_url(chosen) if params.up.airflow else None,
            client_env=str(home.client_env),
            moved_ports=ports.moved(chosen),
            services=supervisor.services(),
        )


def down() -> Down:
    """Stops all that `up` started; safe when nothing runs.

    Raises:
        StartTimeout: A process does not end.
    """
    home = Home.find().require()
    with storage.lock(home.locks / "up.lock", "down"):
        log("stopping all services")
        return Down(stopped=Supervisor(home).shutdown())


def _ports(home: Home, params: Params, supervisor: Supervisor, next_free: bool) -> Ports:
    """The recorded ports while the supervisor runs, since they are its own; else a choice."""
    wanted = ports.requested(params.up)
    recorded = storage.read_record(home.ports, Ports) if home.ports.exists() else None
    if recorded is not None and supervisor.alive():
        if recorded.requested != wanted:
            log("the ports in params.yaml have changed: they count after `tandem down`")
        return recorded
    chosen = ports.choose(wanted, recorded, is_taken, next_free)
    storage.write_record(home.ports, chosen)
    return chosen


def _prepare(home: Home, params: Params, chosen: Ports, *, is_running: bool) -> None:
    client_env.api_key(home)
    identity.load_or_create_key(home)
    Gateway(home, chosen).prepare(None if is_running else _recorded_route(home))
    if params.up.airflow:
        log("preparing Airflow")
        server = database.from_variable(params.up.airflow_database)
        airflow_home.prepare(home, chosen.airflow, server)


def _programs(home: Home, params: Params, chosen: Ports) -> list[Program]:
    gateway = Gateway(home, chosen)
    envoy = Path(sys.executable).with_name("envoy")
    options = ("--concurrency", "1", "--log-level", "warning", "--disable-hot-restart")
    programs = [
        Program(
            name=GATEWAY,
            command=(str(envoy), "-c", str(gateway.bootstrap), *options),
            directory=home.gateway,
            environment=reads(gateway.bootstrap),
        )
    ]
    if params.up.airflow:
        programs += airflow_home.programs(home, Path.cwd())
    return [*programs, *_slot_programs(home, chosen), watch.program(home)]


def _recorded_route(home: Home) -> Route | None:
    """The champion's, unless a deployment is under way, which knows its own."""
    known = record.read(home)
    if known.state != "idle" or known.champion is None:
        return None
    return machine.settled_route(known)


def _slot_programs(home: Home, chosen: Ports) -> list[Program]:
    """Champion and previous as recorded; a slot in the middle of a deployment is left to it."""
    known = record.read(home)
    placed = [release for release in (known.champion, known.previous) if release]
    return [
        slots.program(home, chosen, release)
        for release in placed
        if release is known.champion or release.slot != _busy_slot(known)
    ]


def _busy_slot(known: Deployment) -> SlotName | None:
    """The slot that a deployment or a rollback is at work on; it may be answering clients."""
    return known.target.slot if known.target else None


def _run(supervisor: Supervisor, programs: list[Program], busy: SlotName | None) -> None:
    """Makes the supervisor run these programs as they are now, and nothing else of ours."""
    is_new = {program.name: supervisor.write(program) for program in programs}
    known = (
        GATEWAY,
        watch.NAME,
        *SLOTS,
        *(f"airflow-{process}" for process in airflow_home.PROCESSES),
    )
    spared = busy if supervisor.alive() else None
    superfluous = [name for name in known if name not in is_new and name != spared]
    for name in superfluous:
        supervisor.forget(name)
    if supervisor.launch():
        return
    running = {service.name: service.state for service in supervisor.services()}
    for name in superfluous:
        supervisor.remove(name)
    for name, changed in is_new.items():
        if changed or running.get(name) not in ("RUNNING", "STARTING", "BACKOFF"):
            supervisor.replace(name)


def _write_client_env(home: Home, params: Params, chosen: Ports) -> None:
    values = {
        "TANDEM_URL": f"http://127.0.0.1:{chosen.gateway}",
        "TANDEM_API_KEY": client_env.api_key(home),
    }
    if params.up.airflow:
        values |= {
            "AIRFLOW_URL": _airflow_url(chosen),
            "AIRFLOW_USER": airflow_home.USER,
            "AIRFLOW_PASSWORD_FILE": str(airflow_home.passwords(home)),
        }
    client_env.write(home, values)


def _airflow_url(chosen: Ports) -> str:
    return f"http://127.0.0.1:{chosen.airflow}"


def _wait_healthy(home: Home, params: Params, chosen: Ports, supervisor: Supervisor) -> None:
    client = local_client(PROBE_SECONDS)
    checks: dict[str, Callable[[], bool]] = {GATEWAY: Gateway(home, chosen).ready}
    if params.up.airflow:
        checks["airflow"] = lambda: health.airflow_is_healthy(chosen.airflow)
    for program in _slot_programs(home, chosen):
        checks[program.name] = _ready_check(client, chosen.numbers()[program.name])
    started = time.monotonic()
    said = started
    while checks:
        checks = {name: check for name, check in checks.items() if not check()}
        if time.monotonic() - started > params.up.start_timeout_seconds:
            raise _too_late(sorted(checks), home, supervisor)
        if checks and time.monotonic() - said > SAY_SECONDS:
            said = time.monotonic()
            log(f"waiting for {', '.join(checks)} ({said - started:.0f} s)")
        time.sleep(POLL_SECONDS if checks else 0)


def _too_late(names: list[str], home: Home, supervisor: Supervisor) -> StartTimeout:
    states = {service.name: service.state for service in supervisor.services()}
    unhealthy = [f"{name} {state}" for name, state in states.items() if state != "RUNNING"]
    return StartTimeout(
        f"not healthy in time: {', '.join(names)}; {', '.join(unhealthy) or 'all run'}",
        where=[str(home.logs / f"{name}.log") for name in states if name.startswith(tuple(names))],
        hint="read the logs, then `tandem up` again; up.start_timeout_seconds is the patience",
    )


def _ready_check(client: httpx.Client, port: int) -> Callable[[], bool]:
    return lambda: _answers(client, f"http://127.0.0.1:{port}/readyz")


def _answers(client: httpx.Client, url: str) -> bool:
    try:
        return client.get(url).status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False
