"""What is in the slots: the supervised process, its readiness, and who it says it is."""

from collections.abc import Sequence
from typing import Any

import httpx
import psutil

from pipelines import storage
from pipelines.contracts.release import SLOTS, Ports, Service, SlotName
from pipelines.rollout.gateway import Gateway
from pipelines.rollout.moves import SlotSeen
from pipelines.supervisor import Supervisor

WAITING = ("STARTING", "RUNNING", "BACKOFF")


def slots(
    supervisor: Supervisor, gateway: Gateway, ports: Ports, client: httpx.Client
) -> dict[SlotName, SlotSeen]:
    """What is in each slot now.

    Args:
        supervisor: Runs them.
        gateway: Checks their health.
        ports: Where they listen.
        client: Sends the API key.

    Raises:
        ServiceDown: The supervisor or the gateway does not answer.
    """
    services = {service.name: service for service in supervisor.services()}
    health = gateway.slots()
    seen: dict[SlotName, SlotSeen] = {}
    for slot in SLOTS:
        port = ports.numbers()[slot]
        is_routable, in_flight = health.get(slot, (False, 0))
        service = services.get(slot)
        if service is None or service.state not in WAITING:
            seen[slot] = SlotSeen(port, in_flight=in_flight)
            continue
        bento, start_time = _process(supervisor, service)
        version, digest = _identity(port, slot, service, client)
        seen[slot] = SlotSeen(
            port=port,
            bento=bento,
            pid=service.pid,
            start_time=start_time,
            is_ready=_is_ready(port, client),
            version=version,
            digest=digest,
            is_routable=is_routable,
            in_flight=in_flight,
        )
    return seen


def served_bento(command: Sequence[str]) -> str | None:
    """The Bento that a command line serves: the word after `serve`."""
    words = list(command)
    if "serve" not in words[:-1]:
        return None
    return words[words.index("serve") + 1]


def _process(supervisor: Supervisor, service: Service) -> tuple[str | None, str | None]:
    """The Bento of the living process, and its start.

    Between two tries, and before a forked process has become what it will be, the Bento on file.
    """
    on_file = served_bento((supervisor.written(service.name) or "").split())
    try:
        if service.pid:
            bento = served_bento(psutil.Process(service.pid).cmdline())
            return bento or on_file, storage.rfc3339(storage.process_start(service.pid))
    except psutil.Error:
        pass
    return on_file, None


def _is_ready(port: int, client: httpx.Client) -> bool:
    try:
        return client.get(f"http://127.0.0.1:{port}/readyz").status_code == httpx.codes.OK
    except httpx.HTTPError:
        return False


def _identity(
    port: int, slot: SlotName, service: Service, client: httpx.Client
) -> tuple[str | None, str | None]:
    """Version and digest that answer on the port, if it is our process that answers."""
    try:
        answer = client.get(f"http://127.0.0.1:{port}/v1/model")
        content: dict[str, Any] = answer.json() if answer.status_code == httpx.codes.OK else {}
    except (httpx.HTTPError, ValueError):
        return None, None
    if content.get("slot") != slot or not _is_below(content.get("pid"), service.pid):
        return None, None
    return content.get("version"), content.get("model_digest")


def _is_below(pid: object, ancestor: int | None) -> bool:
    """Whether a process is the supervised one or below it."""
    if not isinstance(pid, int) or ancestor is None:
        return False
    try:
        process = psutil.Process(pid)
        return ancestor in (pid, *(parent.pid for parent in process.parents()))
    except psutil.Error:
        return False
