"""`tandem doctor`: what is wrong with this machine or this home, and how to mend it.

It reads and writes nothing, but for `--repair`, which removes lock files without a holder.
"""

import time
from collections.abc import Iterator
from pathlib import Path

from pydantic import ValidationError

from pipelines.contracts.doctor import Diagnosis, Finding
from pipelines.doctor import files, machine, services, state, stored, training
from pipelines.doctor.findings import Check, made, ok
from pipelines.errors import NoHome, Unhealthy
from pipelines.home import Home
from pipelines.params import Params
from pipelines.progress import waiting
from pipelines.state.repository import MAIN
from pipelines.state.settings import PARAMS, yaml_at
from pipelines.yaml_records import refused


def run(deep: bool, repair: bool) -> Diagnosis:
    """Makes all checks that the machine and the home allow, before `init` and after.

    Args:
        deep: Compare the digest of everything that is stored, however long it takes.
        repair: First remove the lock files of Git and DVC that nobody holds.
    """
    start, home = time.monotonic(), _home()
    is_made = home is not None and home.state_repo.is_dir()
    repaired = state.repair(home) if repair and home is not None and is_made else []
    asked = list(checks(home, deep)) if home is not None else list(_machine())
    with waiting("looking") as say:
        found = []
        for check in asked:
            say(check.name)
            found.append(made(check))
    return Diagnosis(
        home=str(home.path) if home is not None else None,
        healthy=all(one.verdict != "fail" for one in found),
        checks=found,
        repaired=repaired,
        seconds=round(time.monotonic() - start, 3),
    )


def enforce(diagnosis: Diagnosis) -> None:
    """Raises where something is broken.

    Raises:
        Unhealthy: It is; the checks that failed are named.
    """
    failed = [one for one in diagnosis.checks if one.verdict == "fail"]
    if failed:
        raise Unhealthy(
            f"{len(failed)} of {len(diagnosis.checks)} checks failed: "
            f"{', '.join(one.name for one in failed)}",
            where=[f"{one.name}: {one.detail}" for one in failed],
            hint=next((one.hint for one in failed if one.hint), ""),
        )


def checks(home: Home, deep: bool) -> Iterator[Check]:
    """The checks that a home allows, in the order in which their faults follow from each other."""
    yield from _machine()
    yield Check("disk", lambda name: machine.disk(name, home))
    yield Check("parameters", lambda name: _parameters(name, home))
    yield Check("ports", lambda name: services.ports(name, home, _params(home)))
    if not home.state_repo.is_dir():
        yield Check("home", lambda name: ok(name, f"not made yet: `tandem init` makes {home.path}"))
        return
    yield Check("home", lambda name: files.folders(name, home))
    yield Check("identity key", lambda name: files.key(name, home))
    yield Check("state", lambda name: state.repository(name, home, deep))
    yield Check("stored data", lambda name: stored.data(name, home, deep))
    yield Check("records", lambda name: files.records(name, home))
    yield Check("locks", lambda name: state.locks(name, home))
    yield Check("stale locks", lambda name: state.stale_locks(name, home))
    yield Check("clock", lambda name: state.wall_clock(name, home))
    yield Check("DAG files", lambda name: files.dags(name, home))
    yield Check("training data", lambda name: training.training(name, home, _params(home)))
    yield Check("releases", lambda name: files.releases(name, home))
    yield Check("online store", lambda name: files.online(name, home))
    yield Check("orphans", lambda name: services.orphans(name, home))
    yield Check("services", lambda name: services.programs(name, home))


def _home() -> Home | None:
    try:
        return Home.find()
    except NoHome:
        return None


def _machine() -> Iterator[Check]:
    yield Check("python", machine.python)
    yield Check("packages", machine.installed)
    yield Check("programs", machine.programs)
    yield Check("sqlite", machine.sqlite)
    yield Check("memory", machine.memory)


def _parameters(name: str, home: Home) -> Finding:
    _params(home)
    return ok(name, "params.yaml is understood")


def _params(home: Home) -> Params:
    """Those of the clone that cwd is in, else those of the state."""
    if Path(PARAMS).is_file() or not home.state_repo.is_dir():
        return Params.load()
    try:
        return Params.model_validate(yaml_at(home, MAIN, PARAMS))
    except ValidationError as error:
        raise refused(error, f"{PARAMS} of the state", Params) from error
