"""The data set's clock: the wall's, or a replay that goes on from the newest accepted partition."""

from collections.abc import Mapping
from datetime import UTC, datetime

from pipelines import storage, timeline
from pipelines.contracts.data import REPORTS, PartitionReport
from pipelines.contracts.state import ClockStatus
from pipelines.descriptors import Descriptor
from pipelines.home import Home
from pipelines.state import partitions
from pipelines.state.repository import MAIN, Repository


def clock(home: Home, descriptor: Descriptor) -> ClockStatus:
    """What the clock shows now.

    Replay: the end of the newest accepted partition, and the time since it was accepted first. An
    amendment moves nothing. Before the first: the end of the first KEY that is landed.
    """
    accepted = partitions.at(Repository(home.state_repo), MAIN)
    return at(home, descriptor, accepted, storage.now_utc())


def at(
    home: Home, descriptor: Descriptor, accepted: Mapping[str, PartitionReport], wall: datetime
) -> ClockStatus:
    """As `clock`, at an instant of the wall clock and for accepted partitions that are known."""
    if descriptor.clock == "wall":
        return ClockStatus(mode="wall", now=storage.rfc3339(wall))
    if not accepted:
        return ClockStatus(mode="replay", now=_first_end(home, descriptor))
    newest = max(accepted.values(), key=lambda report: _time(report.period_end))
    since = wall - _time(first_accepted(home, newest))
    return ClockStatus(mode="replay", now=storage.rfc3339(_time(newest.period_end) + since))


def first_accepted(home: Home, report: PartitionReport) -> str:
    """When the KEY was accepted first: an amendment overwrites the decision, its tag stays."""
    path = REPORTS / f"{report.key}.json"
    first = Repository(home.state_repo).show(f"refs/tags/data/{report.key}", path)
    origin = storage.parse_record(first, PartitionReport, str(path)) if first else report
    return origin.accepted_at or report.period_end


def _first_end(home: Home, descriptor: Descriptor) -> str | None:
    keys = sorted(folder.name.removeprefix("dt=") for folder in home.landing.glob("dt=*"))
    if not keys:
        return None
    return storage.micros_to_rfc3339(timeline.period(keys[0], descriptor.grain).end_us)


def _time(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)
