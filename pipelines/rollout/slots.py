"""A slot: the supervised process that serves one Bento on one loopback port."""

import sys
from pathlib import Path

from pipelines.contracts.release import Placed, Ports, SlotName
from pipelines.home import Home
from pipelines.programs import Program

ROOT = Path(__file__).parents[2]
DRAIN_SECONDS = 10
START_SECONDS = 10
STOP_SECONDS = 20


def program(home: Home, ports: Ports, placed: Placed) -> Program:
    """The program that serves a release; its name is the slot's."""
    port = ports.numbers()[placed.slot]
    launch = (sys.executable, "-m", "pipelines.rollout.launch", str(home.bentoml), str(port))
    serve = (sys.executable, "-m", "bentoml", "serve", placed.bento)
    return Program(
        name=placed.slot,
        command=(*launch, *serve, *_options(port)),
        directory=ROOT,
        environment=variables(home, placed.slot),
        start_seconds=START_SECONDS,
        stop_seconds=STOP_SECONDS,
        stop_as_group=False,
    )


def url(ports: Ports, slot: SlotName) -> str:
    """Where a slot listens."""
    return f"http://127.0.0.1:{ports.numbers()[slot]}"


def variables(home: Home, slot: SlotName) -> dict[str, str]:
    """What the service reads: its slot, the keys' files and the online store; no secret."""
    return {
        "BENTOML_HOME": str(home.bentoml),
        "BENTOML_DO_NOT_TRACK": "True",
        "OTEL_SDK_DISABLED": "true",
        "TANDEM_SLOT": slot,
        "TANDEM_API_KEY_FILE": str(home.api_key),
        "TANDEM_IDENTITY_KEY_FILE": str(home.identity_key),
        "TANDEM_ONLINE_DB": str(home.online),
    }


def _options(port: int) -> tuple[str, ...]:
    drain = ("--timeout-graceful-shutdown", str(DRAIN_SECONDS))
    return ("--host", "127.0.0.1", "--port", str(port), *drain)
