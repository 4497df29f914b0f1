"""`deploy`: the newest version that may go live, in the idle slot, checked, then routed."""

import time

from pipelines.contracts.release import Deployed, Deployment
from pipelines.contracts.state import Version
from pipelines.deploy import accepted
from pipelines.deploy.choice import candidates
from pipelines.errors import NothingToDeploy, NotShippable
from pipelines.home import Home
from pipelines.params import Params
from pipelines.progress import log
from pipelines.rollout import bentos, machine, registry
from pipelines.rollout.drive import drive
from pipelines.rollout.site import Site, deployed
from pipelines.rollout.turn import turn
from pipelines.state import versions


def run(params: Params, version: str | None) -> Deployed:
    """Finishes or undoes what was begun, then makes a version the champion.

    Args:
        params: Parameters.
        version: A version by name (its rollback mark is lifted), or None for the newest.

    Raises:
        NothingToDeploy: No version is newer than the one that is live.
        NotShippable, NotPackaged: The version may not or cannot be deployed.
        SlotNotReady, GoldenMismatch: The new slot failed its checks; the champion serves on.
        GatewayRejected, PortTaken, ServiceDown, Superseded: The environment is at fault.
    """
    home, started = Home.find().require(), time.monotonic()
    with turn(home, "deploy"):
        site = Site(home, lambda live: registry.tell(home, live))
        patience = params.deploy.ready_timeout_seconds
        before = site.record()
        is_refreshed = before.champion is not None and not accepted.is_current(home)
        if is_refreshed:
            _refresh(site, home, params)  # without the store no slot gets ready
        record = _settled(before, version, site, patience)
        try:
            names = candidates(versions.registered(home), record, version)
        except NothingToDeploy:
            if _is_news(before, record):
                return deployed(record, site, time.monotonic() - started)
            raise
        chosen = _shipped(home, names)
        if not is_refreshed:
            _refresh(site, home, params)
        target = bentos.placed(home, chosen.version, chosen.model_digest, machine.free_slot(record))
        bentos.require_way_back(home, record)
        intent = machine.begin(record, target)
        site.save(intent)
        record = drive(intent, site, patience)
        return deployed(record, site, time.monotonic() - started)


def _refresh(site: Site, home: Home, params: Params) -> None:
    """The online store, anew."""
    with site.fenced():
        log(f"online store: data as of {accepted.refresh(home, params)}")


def _shipped(home: Home, names: list[str]) -> Version:
    """The first of these versions whose verdict is ship."""
    verdicts = []
    for name in names:
        version = versions.lookup(home, name)
        if version.verdict == "ship":
            return version
        verdicts.append(f"{name}: {version.verdict}")
    raise NotShippable(f"the gate has not shipped {', '.join(verdicts)}")


def _settled(record: Deployment, wanted: str | None, site: Site, patience: float) -> Deployment:
    """The record idle: what a killed deployer began is finished, or undone for another version."""
    target = record.target
    is_other = target is not None and wanted not in (None, target.version)
    if record.state in ("starting", "warming") and is_other:
        record = machine.give_up(record, f"{wanted} was asked for instead", site.now())
        site.save(record)
    return drive(record, site, patience)


def _is_news(before: Deployment, after: Deployment) -> bool:
    """Whether settling made another version the champion."""
    names = [record.champion and record.champion.version for record in (before, after)]
    return names[0] != names[1]
