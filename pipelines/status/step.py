"""`tandem status`: what is live and how it came to be, within two seconds."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pipelines import identity, storage, supervisor
from pipelines.airflow import database
from pipelines.contracts.data import PartitionReport
from pipelines.contracts.model import GATE, REPORT, Verdict
from pipelines.contracts.release import Deployment, Placed, Ports, SlotName
from pipelines.contracts.state import (
    AirflowEndpoint,
    Endpoint,
    Events,
    LastVerdict,
    Live,
    PartitionStatus,
    Status,
)
from pipelines.errors import ServiceDown
from pipelines.home import Home
from pipelines.rollout import health
from pipelines.rollout import record as deployment_record
from pipelines.rollout.gateway import Gateway
from pipelines.state import clock, partitions, settings, versions
from pipelines.state.commits import VERDICT, run_of
from pipelines.state.repository import MAIN, Repository

ANSWER_SECONDS = 1.0


def run() -> Status:
    """Reads the records, asks the services and walks the state.

    Raises:
        NoHome: `init` has not run.
    """
    home = Home.find().require()
    ports = storage.read_record(home.ports, Ports) if home.ports.exists() else None
    answers, key = _ask(home, ports), identity.find_key(home)
    record = deployment_record.read(home)
    descriptor = settings.descriptor(home)
    accepted = partitions.at(Repository(home.state_repo), MAIN)
    return Status(
        home=str(home.path),
        state_repo=str(home.state_repo),
        dataset=descriptor.name,
        clock=clock.at(home, descriptor, accepted, storage.now_utc()),
        identity_key_fingerprint=None if key is None else identity.fingerprint(key),
        gateway=_endpoint(ports, "gateway", answers),
        airflow=AirflowEndpoint(
            **_endpoint(ports, "airflow", answers).model_dump(),
            database=database.recorded(home),
        ),
        services=answers.get("services", []),
        champion=_live(record.champion, ports),
        previous=_live(record.previous, ports),
        failover=_failover(record, answers.get("answering")),
        canary=None,
        last_verdict=last_verdict(home),
        partitions=judged(home, accepted),
        events=Events(),
    )


def judged(home: Home, accepted: Mapping[str, PartitionReport]) -> list[PartitionStatus]:
    """The newest decision over each KEY, in the order of KEYs; `tag` is what the state has."""
    decided = dict(accepted)
    for path in home.validation.glob("*.json"):
        report = storage.read_record(path, PartitionReport)
        decided[report.key] = report
    return [
        PartitionStatus(
            key=key,
            decision=report.decision,
            rows=report.rows,
            quarantined=report.quarantined,
            tag=accepted[key].tag if key in accepted else None,
            report=_existing(home.validation / f"{key}.html"),
        )
        for key, report in sorted(decided.items())
    ]


def last_verdict(home: Home) -> LastVerdict | None:
    """The gate's verdict that was committed last, on `main` or on a run's own branch."""
    state = Repository(home.state_repo)
    words = ("log", "-1", "--branches", "--date-order", "--format=%H", f"--grep=^{VERDICT}: ")
    commit = state.git(*words).strip()
    content = state.show(commit, GATE) if commit else None
    if content is None:
        return None
    verdict = storage.parse_record(content, Verdict, f"{GATE} at {commit[:12]}")
    run_id = run_of(state, commit)
    return LastVerdict(
        verdict=verdict.verdict,
        kind=verdict.kind,
        reason=verdict.reason,
        report=_existing(home.runs / run_id / REPORT) if run_id else None,
    )


def _ask(home: Home, ports: Ports | None) -> dict[str, Any]:
    questions: dict[str, Any] = {"services": lambda: supervisor.services(home)}
    if ports is not None:
        questions["gateway"] = lambda: health.gateway_is_healthy(ports.admin)
        questions["answering"] = lambda: _answering(home, ports)
        questions["airflow"] = lambda: health.airflow_is_healthy(ports.airflow)
    return health.together(questions, ANSWER_SECONDS)


def _answering(home: Home, ports: Ports) -> SlotName | None:
    try:
        return Gateway(home, ports).answering()
    except ServiceDown:
        return None


def _failover(record: Deployment, answering: SlotName | None) -> str | None:
    """The previous version, while the gateway sends clients to its slot: no promotion."""
    previous = record.previous
    return previous.version if previous is not None and previous.slot == answering else None


def _endpoint(ports: Ports | None, name: str, answers: Mapping[str, Any]) -> Endpoint:
    url = f"http://{health.LOOPBACK}:{ports.numbers()[name]}" if ports else None
    return Endpoint(url=url, healthy=bool(answers.get(name, False)))


def _live(placed: Placed | None, ports: Ports | None) -> Live | None:
    if placed is None:
        return None
    shared = placed.model_dump(include=set(Live.model_fields))
    return Live(
        **shared,
        partition=versions.partition_of(placed.data_version),
        url=f"http://{health.LOOPBACK}:{ports.numbers()[placed.slot]}" if ports else None,
    )


def _existing(path: Path) -> str | None:
    return str(path) if path.is_file() else None
