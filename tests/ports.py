"""Ports for servers that tests start."""

import socket


def free_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on."""
    probes = [socket.socket() for _ in range(count)]
    for probe in probes:
        probe.bind(("127.0.0.1", 0))
    numbers = [int(probe.getsockname()[1]) for probe in probes]
    for probe in probes:
        probe.close()
    return numbers


def free_port() -> int:
    """A port that nobody listens on."""
    return free_ports(1)[0]
