"""Who listens on a loopback port."""

import socket

import psutil

from pipelines import processes
from pipelines.errors import PortTaken

PROBE_SECONDS = 0.5


def is_taken(port: int) -> bool:
    """Whether somebody answers there (a bind would succeed beside SO_REUSEPORT)."""
    with socket.socket() as probe:
        probe.settimeout(PROBE_SECONDS)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def listener(port: int) -> psutil.Process | None:
    """The process that listens on a port, if there is one that we may see."""
    try:
        for connection in psutil.net_connections("tcp"):
            is_listener = connection.status == psutil.CONN_LISTEN
            if is_listener and connection.laddr.port == port and connection.pid:
                return psutil.Process(connection.pid)
    except psutil.Error:
        pass
    return None


def is_ours(port: int, ancestor: int | None) -> bool:
    """Whether who listens on a port is a process of ours: that one, or below it."""
    found = listener(port)
    return found is not None and processes.is_below(found.pid, ancestor)


def require_free(port: int, slot: str) -> None:
    """Refuses a slot's port on which somebody listens.

    Raises:
        PortTaken: Somebody does; named, if we may see who.
    """
    if is_taken(port):
        raise PortTaken(
            f"port {port} of slot {slot} is in use by {holder(port)}",
            where=[f"up.{slot}_port in params.yaml"],
            hint="end that process, then deploy again",
        )


def holder(port: int) -> str:
    """The process that listens on a port, as `pid 17 (nginx)`, if we may see it."""
    process = listener(port)
    try:
        if process is not None:
            return f"pid {process.pid} ({process.name()})"
    except psutil.Error:
        pass
    return "a process of another user"
