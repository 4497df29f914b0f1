"""Records of the state: a run and its commit, a version, and what `status` tells."""

from typing import Literal

from pydantic import Field

from pipelines.contracts.data import Decision
from pipelines.contracts.model import Decision as VerdictDecision
from pipelines.contracts.model import Kind
from pipelines.contracts.record import Record
from pipelines.contracts.release import Service
from pipelines.descriptors import Clock


class Step(Record):
    """One try of a verb in a run."""

    verb: str
    args: list[str]
    started_at: str
    ended_at: str | None = None
    exit_code: int | None = None
    """Null while it runs, and for good when it was killed together with us."""


class Run(Record):
    """`runs/ID.json`: one run from its clone to its commit."""

    schema_: Literal[1] = Field(1, alias="schema")
    id: str
    path: str
    """The run's clone, absolute."""
    base: str
    """The commit of the state that was cloned."""
    kind: Kind
    reason: str
    """Why the run is of this kind."""
    airflow_run_id: str | None = None
    opened_at: str
    steps: list[Step] = Field(default_factory=list)
    commit: str | None = None
    branch: str | None = None
    """`main`, or `runs/ID` for a training whose base had moved."""
    tags: list[str] = Field(default_factory=list)

    def last(self, verb: str) -> Step | None:
        """The verb's last try, if there is one."""
        return next((step for step in reversed(self.steps) if step.verb == verb), None)


class Committed(Record):
    """What `run commit` reports."""

    schema_: Literal[1] = Field(1, alias="schema")
    id: str
    commit: str
    branch: str
    tags: list[str]
    is_new: bool
    """False when an earlier try had made the commit."""


class Version(Record):
    """A registered version, with all that its commit says of it."""

    version: str
    commit: str
    run: str | None
    family: str
    model_digest: str
    """Of `artifacts/refit`."""
    judged_digest: str
    """Of the winner's artifact that the gate compared."""
    data_version: str
    partition: str
    """KEY of the data version."""
    judged_fit_until: str
    trained_until: str
    verdict: VerdictDecision
    kind: Kind


class Registered(Version):
    """What `register` reports."""

    schema_: Literal[1] = Field(1, alias="schema")


class Initialised(Record):
    """What `init` reports."""

    schema_: Literal[1] = Field(1, alias="schema")
    home: str
    state_repo: str
    dataset: str
    commit: str
    """Where `main` of the state is."""
    identity_key_fingerprint: str
    dags: str
    """The folder that Airflow reads."""
    is_new: bool


class CheckedOut(Record):
    """What `checkout` reports."""

    schema_: Literal[1] = Field(1, alias="schema")
    directory: str
    version: str | None
    commit: str
    home: str
    """Set TANDEM_HOME to it to run verbs there."""


class ClockStatus(Record):
    """The clock of the data set and what it shows; see DESIGN §4."""

    mode: Clock
    now: str | None
    """Null under `replay` before the first KEY is landed."""


class Endpoint(Record):
    """Where a service listens, and whether it says that it is well."""

    url: str | None
    healthy: bool


class AirflowEndpoint(Endpoint):
    """Airflow, and where it keeps its records."""

    database: str | None
    """`sqlite`, or `postgresql HOST:PORT/NAME`; null before the first `up` with Airflow."""


class Live(Record):
    """A version in a slot, with its whole chain of ids."""

    version: str
    family: str
    partition: str
    data_version: str
    commit: str
    judged_fit_until: str
    trained_until: str
    model_digest: str
    bento: str
    bento_path: str
    slot: str
    url: str | None


class CanaryStatus(Live):
    """A challenger that answers a share of users."""

    share: float
    state: str


class LastVerdict(Record):
    """The gate's newest committed verdict."""

    verdict: VerdictDecision
    kind: Kind
    reason: str
    report: str | None


class PartitionStatus(Record):
    """The newest decision over a KEY, and the tag of what is accepted of it."""

    key: str
    decision: Decision
    rows: int
    quarantined: int
    tag: str | None
    report: str | None


class Events(Record):
    """The event log; null until there is one."""

    accepted: int | None = None
    pending: int | None = None


class Status(Record):
    """What `status` tells; every key is always there."""

    schema_: Literal[1] = Field(1, alias="schema")
    home: str
    state_repo: str
    dataset: str
    clock: ClockStatus
    identity_key_fingerprint: str | None
    """None: the key is gone."""
    gateway: Endpoint
    airflow: AirflowEndpoint
    services: list[Service]
    champion: Live | None
    previous: Live | None
    failover: str | None
    """The version that answers in the champion's place, while that one is not well."""
    canary: CanaryStatus | None
    last_verdict: LastVerdict | None
    partitions: list[PartitionStatus]
    events: Events
