"""What runs: ports, the supervised programs, and what a dead supervisor left behind."""

from pipelines import storage
from pipelines.contracts.doctor import Finding
from pipelines.contracts.release import Ports
from pipelines.doctor.findings import fail, ok, warn
from pipelines.home import Home
from pipelines.params import Params
from pipelines.rollout import health
from pipelines.rollout.listeners import holder, is_ours, is_taken
from pipelines.supervisor import Supervisor

UP = {"RUNNING", "STARTING"}
SERVICES = ("airflow", "blue", "green", "gateway", "admin")
ANSWER_SECONDS = 2.0


def ports(name: str, home: Home, params: Params) -> Finding:
    """Whether the services' ports are free, or ours."""
    wanted = _ports(home, params)
    taken = [service for service, port in wanted.items() if is_taken(port)]
    daemon = Supervisor(home).pid()
    strangers = [service for service in taken if not is_ours(wanted[service], daemon)]
    if strangers:
        found = [f"{wanted[one]} of {one} is in use by {holder(wanted[one])}" for one in strangers]
        settings = ", ".join(f"up.{service}_port" for service in strangers)
        hint = f"end that process, or give another port ({settings}), or `up --next-free-ports`"
        return fail(name, "; ".join(found), hint)
    numbers = ", ".join(f"{service} {port}" for service, port in wanted.items())
    return ok(name, f"{numbers}; {f'{len(taken)} in use by us' if taken else 'all free'}")


def orphans(name: str, home: Home) -> Finding:
    """Whether a dead supervisor left programs running."""
    left = Supervisor(home).left_behind()
    if left:
        pids = ", ".join(str(process.pid) for process in left)
        return fail(
            name, f"the supervisor is dead, its programs run on: pid {pids}", "run `tandem up`"
        )
    return ok(name, "none")


def programs(name: str, home: Home) -> Finding:
    """Whether all that `up` started runs and says that it is well."""
    supervisor = Supervisor(home)
    if not supervisor.alive():
        return ok(name, "down")
    # one that was retired, as a slot by a rollback, has no file any more
    services = [one for one in supervisor.services() if supervisor.written(one.name) is not None]
    ill = [f"{one.name} {one.state}" for one in services if one.state not in UP]
    if ill:
        logs = ", ".join(str(home.logs / f"{text.split()[0]}.log") for text in ill)
        return fail(name, f"not running: {', '.join(ill)}", f"read {logs}")
    starting = [one.name for one in services if one.state == "STARTING"]
    silent = [*starting, *_silent(home, {one.name for one in services})]
    if silent:
        hint = "just started, or it hangs: its log is in the home's logs/"
        return warn(name, f"not healthy: {', '.join(silent)}", hint)
    return ok(name, f"{len(services)} running and healthy")


def _ports(home: Home, params: Params) -> dict[str, int]:
    if home.ports.exists():
        return storage.read_record(home.ports, Ports).numbers()
    return {name: getattr(params.up, f"{name}_port") for name in SERVICES}


def _silent(home: Home, running: set[str]) -> list[str]:
    """Which of gateway and Airflow run and do not say that they are well."""
    numbers = storage.read_record(home.ports, Ports)
    questions = {}
    if "gateway" in running:
        questions["gateway"] = lambda: health.gateway_is_healthy(numbers.admin)
    if any(program.startswith("airflow") for program in running):
        questions["airflow"] = lambda: health.airflow_is_healthy(numbers.airflow)
    answers = health.together(questions, ANSWER_SECONDS)
    return [service for service in questions if not answers.get(service, False)]
