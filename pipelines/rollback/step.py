"""`rollback`: one route write to the version before, which was kept warm."""

import time

from pipelines.contracts.release import Deployed, Deployment
from pipelines.errors import NoRollbackTarget, NotPackaged
from pipelines.home import Home
from pipelines.params import Params
from pipelines.rollout import bentos, machine, registry
from pipelines.rollout.drive import drive
from pipelines.rollout.site import Site, deployed
from pipelines.rollout.turn import turn

BEFORE_THE_ROUTE = ("starting", "warming")


def run(params: Params) -> Deployed:
    """Makes `previous` the champion again and marks the version that it replaces.

    Raises:
        NoRollbackTarget: There is no previous version, or its Bento is gone or damaged.
        SlotNotReady: It had died and did not get ready again; nothing changed.
        GatewayRejected, PortTaken, ServiceDown, Superseded: The environment is at fault.
    """
    home, started = Home.find().require(), time.monotonic()
    with turn(home, "rollback"):
        site = Site(home, lambda live: registry.tell(home, live))
        patience = params.deploy.ready_timeout_seconds
        record = site.record()
        if record.state != "rolling-back":
            record = _begun(home, _settled(record, site, patience), site)
        record = drive(record, site, patience)
        return deployed(record, site, time.monotonic() - started)


def _settled(record: Deployment, site: Site, patience: float) -> Deployment:
    """What a killed deployer began, undone where no client has seen it yet."""
    if record.state == "idle":
        return record
    if record.state in BEFORE_THE_ROUTE:
        record = machine.give_up(record, "given up for a rollback", site.now())
        site.save(record)
    return drive(record, site, patience)


def _begun(home: Home, record: Deployment, site: Site) -> Deployment:
    previous = record.previous
    if previous is None:
        live = record.champion.version if record.champion else "nothing"
        raise NoRollbackTarget(
            f"there is no version before {live} to return to",
            hint="deploy another one by name: tandem deploy --version VERSION",
        )
    try:
        bentos.require(home, previous)
    except NotPackaged as error:
        raise NoRollbackTarget(error.message, where=error.where, hint=error.hint) from error
    intent = machine.begin_rollback(record)
    site.save(intent)
    return intent
