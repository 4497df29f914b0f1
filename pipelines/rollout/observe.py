"""What is in the slots: the supervised process, its readiness, and who it says it is."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import httpx
import psutil

from pipelines import processes, storage
from pipelines.contracts.release import SLOTS, Ports, Service, SlotName
from pipelines.rollout.gateway import Gateway
from pipelines.rollout.listeners import is_ours
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
        service, there = (
            services.get(slot),
            SlotSeen(
                port=ports.numbers()[slot],
                is_routable=health[slot].is_well,
                in_flight=health[slot].in_flight,
            ),
        )
        if service is not None and service.state in WAITING:
            there = replace(there, bento=_bento(supervisor, service))
            if is_ours(there.port, service.pid):  # a stranger there is not shown the API key
                there = replace(there, **_identity(there.port, slot, service, client))
        seen[slot] = there
    return seen


def served_bento(command: Sequence[str]) -> str | None:
    """The Bento that a command line serves: the word after `serve`."""
    words = list(command)
    if "serve" not in words[:-1]:
        return None
    return words[words.index("serve") + 1]


def _bento(supervisor: Supervisor, service: Service) -> str | None:
    """The Bento of the living process.

    Between two tries, and before a forked process has become what it will be, the Bento on file.
    """
    on_file = served_bento((supervisor.written(service.name) or "").split())
    try:
        if service.pid:
            return served_bento(psutil.Process(service.pid).cmdline()) or on_file
    except psutil.Error:
        pass
    return on_file


def _identity(port: int, slot: SlotName, service: Service, client: httpx.Client) -> dict[str, Any]:
    """Who answers on the port, and whether it is ready; nothing if it is no process of ours."""
    url = f"http://127.0.0.1:{port}"
    try:
        answer = client.get(f"{url}/v1/model")
        content = answer.json() if answer.status_code == httpx.codes.OK else None
        if not isinstance(content, dict):
            return {}
        pid = content.get("pid")
        if content.get("slot") != slot or not isinstance(pid, int):
            return {}
        if not processes.is_below(pid, service.pid):
            return {}
        return {
            "pid": pid,
            "start_time": storage.rfc3339(storage.process_start(pid)),
            "version": content.get("version"),
            "digest": content.get("model_digest"),
            "is_ready": client.get(f"{url}/readyz").status_code == httpx.codes.OK,
        }
    except (httpx.HTTPError, ValueError, psutil.Error):
        return {}
