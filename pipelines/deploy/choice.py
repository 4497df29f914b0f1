"""Which versions may be deployed; pure."""

from collections.abc import Sequence

from pipelines.contracts.release import Deployment
from pipelines.errors import NothingToDeploy, NotShippable
from pipelines.rollout.machine import is_rolled_back
from pipelines.state.versions import number


def candidates(registered: Sequence[str], record: Deployment, wanted: str | None) -> list[str]:
    """The version that is asked for, else those that may go live, newest first.

    Those are newer than the champion and not marked as rolled back. To ask for a version by name
    lifts its mark. What the gate said of them is for the caller to check.

    Args:
        registered: Names of all registered versions, in any order.
        record: What is deployed.
        wanted: A version's name, or None.

    Raises:
        NotShippable: Nothing is registered at all.
        NothingToDeploy: It is live already, or none is newer.
    """
    live = record.champion.version if record.champion else None
    if wanted is not None:
        if wanted == live:
            raise NothingToDeploy(f"{wanted} is live already")
        return [wanted]
    if not registered:
        raise NotShippable("no version is registered yet", hint="train one: `tandem demo`")
    newest_first = sorted(registered, key=number, reverse=True)
    newer = [name for name in newest_first if live is None or number(name) > number(live)]
    fit = [name for name in newer if not is_rolled_back(record, name)]
    if not fit:
        raise NothingToDeploy(_why_none(newer, live))
    return fit


def _why_none(newer: Sequence[str], live: str | None) -> str:
    if not newer:
        return f"no version is newer than {live}, which is live"
    return f"{', '.join(newer)} was rolled back; name it with --version to deploy it again"
