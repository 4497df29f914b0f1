"""Records of a release: what is packaged, what is deployed, which services run on which ports."""

from typing import Literal

from pydantic import Field, JsonValue

from pipelines.contracts.record import Record

SlotName = Literal["blue", "green"]
SLOTS: tuple[SlotName, SlotName] = ("blue", "green")
State = Literal["idle", "starting", "warming", "routing", "draining", "rolling-back", "undoing"]
Event = Literal["routed", "failed", "rolled-back"]


def other(slot: SlotName) -> SlotName:
    """The slot beside this one."""
    return "green" if slot == "blue" else "blue"


class Release(Record):
    """A packaged version: the content of a Bento's release.json."""

    version: str
    """Registry tag, for example `recommender@v3.0.0`."""
    bento: str
    """Bento tag, for example `recommender:v3.0.0`."""
    model: str
    """BentoML model tag that the Bento pins."""
    model_digest: str
    family: str
    data_version: str
    commit: str
    """40 hex digits in the state repository."""
    judged_fit_until: str
    """Last instant that the judged model learnt from, RFC 3339."""
    trained_until: str
    """Last event that the served model learnt from, RFC 3339."""
    tasks: JsonValue = None
    """What the service predicts; opaque here."""


class Packaged(Release):
    """What `tandem package` reports."""

    bento_path: str
    """Folder of the Bento, absolute."""
    is_new: bool
    """False when the Bento was there already."""


class Placed(Release):
    """A release in a slot."""

    slot: SlotName
    bento_path: str
    """Folder of the Bento, absolute."""


class Slot(Record):
    """The process that answered in a slot when it was checked: what was proven.

    Pid and start time together name it for good; its successors are not in here.
    """

    version: str
    digest: str
    pid: int | None = None
    start_time: str | None = None
    port: int


class Canary(Record):
    """Share of users that a challenger answers (reserved: always null so far)."""

    share: float
    since: str


class Entry(Record):
    """One line of the deployment history."""

    at: str
    epoch: int
    event: Event
    version: str
    reason: str | None = None


class Deployment(Record):
    """`deployment.json`: what is intended and what is confirmed (docs/runbook.md)."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    epoch: int = 0
    """Rises with every write; a writer that holds an older one is fenced."""
    state: State = "idle"
    target: Placed | None = None
    champion: Placed | None = None
    previous: Placed | None = None
    canary: Canary | None = None
    slots: dict[SlotName, Slot | None] = Field(default_factory=lambda: dict.fromkeys(SLOTS))
    route_version: str | None = None
    """Version of the route file that the gateway is meant to have accepted."""
    reason: str | None = None
    """Why the last attempt was given up, or returned without being asked; null when it was not."""
    history: list[Entry] = Field(default_factory=list)


class Ports(Record):
    """`ports.json`: the loopback ports that `up` chose, and those that the settings asked for."""

    airflow: int
    blue: int
    green: int
    gateway: int
    admin: int
    requested: dict[str, int]

    def numbers(self) -> dict[str, int]:
        """Chosen port by name."""
        return self.model_dump(exclude={"requested"})


class Service(Record):
    """A supervised program."""

    name: str
    state: str
    """Supervisor's word: RUNNING, STARTING, BACKOFF, STOPPED, EXITED, FATAL."""
    pid: int | None


class Up(Record):
    """What `tandem up` reports."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    home: str
    gateway: str
    airflow: str | None
    client_env: str
    moved_ports: list[str]
    """Ports that were taken, as `gateway 8000 -> 8001`."""
    services: list[Service]


class Down(Record):
    """What `tandem down` reports."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    stopped: list[str]


class Deployed(Record):
    """What `tandem deploy` and `tandem rollback` report."""

    schema_: Literal[1] = Field(default=1, alias="schema")
    version: str
    previous: str | None
    slot: SlotName
    url: str
    model_digest: str
    bento: str
    route_version: str | None
    seconds: float
