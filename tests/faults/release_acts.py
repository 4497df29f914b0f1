"""A deployer that dies after so many acts: `python -m tests.faults.release_acts HOME VERSION N`.

It is the deploy verb from the moment at which a version is chosen. Exit 0: it was not killed.
"""

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pipelines.home import Home
from pipelines.rollout import bentos, machine, registry
from pipelines.rollout.drive import drive
from pipelines.rollout.site import Site
from pipelines.rollout.turn import turn
from pipelines.state import versions

ACTS = ("save", "start", "stop", "replay", "send", "announce")
PATIENCE_SECONDS = 120.0


def die_after(site: Site, count: int) -> None:
    """Lets this process kill itself after its n-th act."""
    left = count

    def counted(real: Callable[..., Any]) -> Callable[..., Any]:
        def call(*words: Any) -> None:
            nonlocal left
            real(*words)
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

        return call

    for name in ACTS:
        setattr(site, name, counted(getattr(site, name)))


def main(folder: str, version: str, count: str) -> None:
    """Finishes what is pending, then deploys the version unless it is live."""
    home = Home(Path(folder))
    with turn(home, "deploy"):
        site = Site(home, lambda live: registry.tell(home, live))
        record = site.record()
        if record.state != "idle":
            die_after(site, int(count))
        record = drive(record, site, PATIENCE_SECONDS)
        if record.champion and record.champion.version == version:
            return
        die_after(site, int(count))
        digest = versions.lookup(home, version).model_digest
        intent = machine.begin(
            record, bentos.placed(home, version, digest, machine.free_slot(record))
        )
        site.save(intent)
        drive(intent, site, PATIENCE_SECONDS)


if __name__ == "__main__":
    main(*sys.argv[1:])
