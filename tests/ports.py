"""Ports for servers that tests start."""

import os
import random
import socket

BELOW_OUTGOING = 20_000
"""Linux takes the ports of outgoing connections from 32,768 on: ours are below."""
SLICE = 2_500
"""Ports for each worker of pytest-xdist."""


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    first = BELOW_OUTGOING + worker % 4 * SLICE
    tried = iter(random.sample(range(first, first + SLICE), SLICE))
    return [next(port for port in tried if _is_free(port)) for _ in range(count)]


def free_port() -> int:
    """A port that nobody listens on."""
    return free_ports(1)[0]


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True
