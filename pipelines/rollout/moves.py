"""What the deployment machine sees, and what it may do; plain values."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from pipelines.contracts.release import Deployment, Placed, SlotName


@dataclass(frozen=True)
class Route:
    """What the gateway has accepted: a version, and the slot that answers (None: nobody)."""

    version: str
    slot: SlotName | None
    spare: SlotName | None = None
    """The slot that answers while `slot` fails its health checks (None: nobody)."""


@dataclass(frozen=True)
class SlotSeen:
    """What is in a slot now."""

    port: int
    bento: str | None = None
    """The Bento that the supervised process serves; None where nothing is meant to run."""
    is_ready: bool = False
    pid: int | None = None
    start_time: str | None = None
    """The process of ours that answers there; pid and start time together name it for good."""
    version: str | None = None
    digest: str | None = None
    """Version and artifact digest that it answers with."""
    is_routable: bool = False
    """Whether the gateway's health check agrees."""
    in_flight: int = 0
    """Requests that the gateway waits for."""


@dataclass(frozen=True)
class Seen:
    """The world, and how long this state has lasted for the one who looks."""

    slots: Mapping[SlotName, SlotSeen]
    route: Route | None
    now: str
    """The wall clock, RFC 3339; for the history alone."""
    is_late: bool = False
    """Whether patience with this state is at an end."""
    golden: str | None = None
    """Artifact digest whose golden requests the recorded process answered in this state."""
    announced: str | None = None
    """Version that clients and the registry were told of in this run."""


@dataclass(frozen=True)
class Start:
    """Run this release in its slot, in place of what is there."""

    placed: Placed


@dataclass(frozen=True)
class Stop:
    """End what runs in a slot."""

    slot: SlotName


@dataclass(frozen=True)
class Replay:
    """Ask a slot the golden requests over HTTP."""

    placed: Placed


@dataclass(frozen=True)
class Send:
    """Write a route and read back that the gateway has it."""

    route: Route


@dataclass(frozen=True)
class Announce:
    """Tell clients and the registry which version is live."""

    placed: Placed


@dataclass(frozen=True)
class Wait:
    """Look again a little later."""


@dataclass(frozen=True)
class GoOn:
    """Look again at once."""


@dataclass(frozen=True)
class Finished:
    """Nothing is left to do."""


Act = Start | Stop | Replay | Send | Announce | Wait | GoOn | Finished


@dataclass(frozen=True)
class Move:
    """A record to write first, where it differs from the one on disk, and then an act."""

    record: Deployment
    act: Act = field(default_factory=GoOn)
