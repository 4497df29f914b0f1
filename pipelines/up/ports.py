"""Which loopback ports the services get, and who holds a port that is taken."""

from collections.abc import Callable, Mapping

from pipelines.contracts.release import Ports
from pipelines.errors import PortTaken
from pipelines.params import UpParams
from pipelines.rollout.listeners import holder

NAMES = ("airflow", "blue", "green", "gateway", "admin")
LAST_PORT = 65535


def requested(params: UpParams) -> dict[str, int]:
    """The ports that the settings ask for, by service."""
    return {name: getattr(params, f"{name}_port") for name in NAMES}


def choose(
    wanted: Mapping[str, int],
    recorded: Ports | None,
    is_taken: Callable[[int], bool],
    next_free: bool,
) -> Ports:
    """A free port for each service.

    What a former start chose for the same settings is kept where it is free; otherwise the
    settings' own port, and with `next_free` the next one above it that is free.

    Raises:
        PortTaken: A port is in use and another may not be taken.
    """
    same = recorded is not None and recorded.requested == dict(wanted)
    former = recorded.numbers() if recorded is not None and same else dict(wanted)
    chosen: dict[str, int] = {}
    for name, port in wanted.items():
        taken = {*chosen.values()}
        first = former[name]
        if first not in taken and not is_taken(first):
            chosen[name] = first
        elif next_free:
            chosen[name] = _next_free(port, taken | set(wanted.values()), is_taken)
        else:
            raise _refusal(name, first)
    return Ports(**chosen, requested=dict(wanted))


def moved(ports: Ports) -> list[str]:
    """Where a service is not where the settings wanted it, as `gateway 8000 -> 8001`."""
    return [
        f"{name} {ports.requested[name]} -> {port}"
        for name, port in ports.numbers().items()
        if port != ports.requested[name]
    ]


def _next_free(port: int, taken: set[int], is_taken: Callable[[int], bool]) -> int:
    for candidate in range(port + 1, LAST_PORT + 1):
        if candidate not in taken and not is_taken(candidate):
            return candidate
    raise PortTaken(f"no port above {port} is free", where=["params.yaml"])


def _refusal(name: str, port: int) -> PortTaken:
    return PortTaken(
        f"port {port} of {name} is in use by {holder(port)}",
        where=[f"up.{name}_port in params.yaml"],
        hint=f"end that process, or -P up.{name}_port=PORT, or --next-free-ports",
    )
