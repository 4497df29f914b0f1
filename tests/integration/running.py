"""Starts supervised programs for tests on free ports, and ends them whatever happens."""

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from pipelines.contracts.release import Ports
from pipelines.home import Home
from pipelines.programs import Program
from pipelines.rollout.gateway import Gateway
from pipelines.rollout.moves import Route
from pipelines.supervisor import Supervisor
from tests import ports

DEADLINE_SECONDS = 15.0


def wait_until(condition: Callable[[], bool], what: str, seconds: float = DEADLINE_SECONDS) -> None:
    """Waits for a condition, and fails naming it."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"{what}: not within {seconds} s"
        time.sleep(0.05)


def free_ports() -> Ports:
    """Five ports that nobody listens on."""
    names = ("airflow", "blue", "green", "gateway", "admin")
    return Ports(**dict(zip(names, ports.free_ports(len(names)), strict=True)), requested={})


def home_at(path: Path) -> Home:
    """An empty home that passes for initialised."""
    home = Home(path).ensure()
    home.state_repo.mkdir(exist_ok=True)
    return home


@contextmanager
def supervised(home: Home, *programs: Program) -> Iterator[Supervisor]:
    """A supervisor with these programs; all ended afterwards."""
    supervisor = Supervisor(home)
    for program in programs:
        supervisor.write(program)
    supervisor.launch()
    try:
        yield supervisor
    finally:
        supervisor.shutdown()


@contextmanager
def running_gateway(home: Home, route: Route | None = None) -> Iterator[tuple[Gateway, Supervisor]]:
    """A real Envoy in front of two slots in which nothing runs yet."""
    gateway = Gateway(home, free_ports())
    gateway.prepare(route)
    envoy = str(Path(sys.executable).with_name("envoy"))
    command = (envoy, "-c", str(gateway.bootstrap), "--concurrency", "1", "--disable-hot-restart")
    with supervised(home, Program("gateway", command, home.gateway)) as supervisor:
        wait_until(gateway.ready, "the gateway is ready")
        yield gateway, supervisor
