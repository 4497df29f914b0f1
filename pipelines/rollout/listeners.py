"""Who listens on a loopback port."""

import socket

import psutil

PROBE_SECONDS = 0.5


def is_taken(port: int) -> bool:
    """Whether somebody answers there (a bind would succeed beside SO_REUSEPORT)."""
    with socket.socket() as probe:
        probe.settimeout(PROBE_SECONDS)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def holder(port: int) -> str:
    """The process that listens on a port, as `pid 17 (nginx)`, if we may see it."""
    try:
        for connection in psutil.net_connections("tcp"):
            is_listener = connection.status == psutil.CONN_LISTEN
            if is_listener and connection.laddr.port == port and connection.pid:
                return f"pid {connection.pid} ({psutil.Process(connection.pid).name()})"
    except psutil.Error:
        pass
    return "a process of another user"
