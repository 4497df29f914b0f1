"""The only place that spells `tandem` command lines: lists of words, which no shell ever sees."""

import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

KEY_PATTERN = r"^\d{4}-\d{2}-\d{2}(T\d{2})?$"
PATH_PATTERN = r"^/[^\x00-\x1f\x7f]*$"
MAX_PATH_CHARACTERS = 4096
MAX_NAME_CHARACTERS = 120
DIGEST_CHARACTERS = 8


@dataclass(frozen=True)
class Run:
    """The DAG run that a command belongs to; `params` come from whoever triggered it."""

    dag_id: str
    run_id: str
    params: Mapping[str, object] = field(default_factory=dict)
    key: str | None = None
    """The KEY that a scheduled or backfilled run is for."""
    handed: str | None = None
    """What an earlier task of the run hands on to this one."""

    @property
    def name(self) -> str:
        """The run's name in Tandem, safe as a folder and a branch, different for different ids."""
        safe = re.sub(r"[^A-Za-z0-9_-]", "-", self.run_id)[:MAX_NAME_CHARACTERS]
        if safe == self.run_id:
            return f"{self.dag_id}.{safe}"
        digest = hashlib.sha256(self.run_id.encode()).hexdigest()[:DIGEST_CHARACTERS]
        return f"{self.dag_id}.{safe}-{digest}"


Command = Callable[[Run], list[str]]


def open_run(run: Run) -> list[str]:
    """Clones the state for this DAG run."""
    return ["run", "open", run.name, f"--airflow-run-id={run.run_id}"]


def step(verb: str) -> Command:
    """A verb or a DVC stage, in this DAG run's clone."""
    return lambda run: ["run", "step", run.name, verb]


def ingest(run: Run) -> list[str]:
    """The run's own KEY, the next missing one, a range, or one KEY with its rows from a file.

    Raises:
        ValueError: A parameter is no KEY or no path, or `file` comes without its one KEY.
    """
    first = _parameter(run, "from", KEY_PATTERN)
    last = _parameter(run, "to", KEY_PATTERN)
    if first is None and last is None:
        first = last = run.key
    file = _parameter(run, "file", PATH_PATTERN)
    command = [*step("ingest")(run)]
    if file is None:
        command += [f"--from={first}"] if first else []
        return command + ([f"--to={last}"] if last else [])
    if first is None or first != last:
        raise ValueError("`file` replaces the rows of one KEY: give it as both `from` and `to`")
    return [*command, f"--partition={first}", f"--file={file}"]


def commit(run: Run) -> list[str]:
    """Pushes what the run made, whatever the verdict."""
    return ["run", "commit", run.name]


def package(_: Run) -> list[str]:
    """Builds the Bento of the newest version that may ship."""
    return ["package"]


def deploy(_: Run) -> list[str]:
    """Routes to the newest version that may ship."""
    return ["deploy"]


def deploy_approved(run: Run) -> list[str]:
    """Routes to the version that was approved, though a newer one may be there by now.

    Raises:
        ValueError: No version was handed on.
    """
    if run.handed is None:
        raise ValueError("`package` has handed no version on: clear the whole run")
    return ["deploy", f"--version={run.handed}"]


def _parameter(run: Run, name: str, pattern: str) -> str | None:
    value = run.params.get(name)
    if value is None:
        return None
    if not isinstance(value, str) or not re.fullmatch(pattern, value):
        raise ValueError(f"`{name}` = {str(value)[:160]!r} does not match {pattern}")
    return value
