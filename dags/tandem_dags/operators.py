"""One operator for every task: it runs a `tandem` command and lets its exit code decide."""

import json
import os
import subprocess
import sys
from collections import deque
from datetime import timedelta
from pathlib import Path
from typing import Any

from airflow.sdk import BaseOperator
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSkipException

from tandem_dags import schedule, settings
from tandem_dags.commands import Command, Run
from tandem_dags.outcomes import Outcome, explain, outcome

LEASH = Path(__file__).with_name("leash.py")
TAIL_LINES = 20
INGESTION_POOL = "tandem_ingestion"
"""`tandem up` makes it, with one slot."""
OF_ONE_KEY = ("scheduled", "backfill")
"""Types of runs whose data interval is a KEY; a run that somebody triggers takes what is next."""

DEFAULT_ARGS = {
    "owner": "tandem",
    "retries": 3,
    "retry_delay": timedelta(seconds=10),
    "retry_exponential_backoff": True,
    "max_retry_delay": timedelta(minutes=5),
    "execution_timeout": timedelta(minutes=30),
}


class TandemOperator(BaseOperator):  # type: ignore[misc]  # Airflow is untyped to mypy here
    """Runs one `tandem` command without a shell and streams what it prints into the task log.

    Args:
        command: Spells the command's words for a DAG run; see commands.py.
        gives: The field of the command's JSON answer that is handed on to later tasks.
        takes: The task whose `gives` this command gets.
    """

    ui_color = "#d8e8f0"

    def __init__(
        self, *, command: Command, gives: str = "", takes: str = "", **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.command, self.gives, self.takes = command, gives, takes
        self._process: subprocess.Popen[str] | None = None

    def execute(self, context: Any) -> str | None:
        """Runs the command; raises what the exit code means to Airflow."""
        self._log_triggers(context)
        try:
            words = self.command(self._run(context))
        except ValueError as error:
            raise AirflowFailException(str(error)) from error
        words += ["--json"] if self.gives else []
        code, output = self._stream(words)
        ending = outcome(code)
        if ending is Outcome.SKIP:
            raise AirflowSkipException(explain(code, words, output))
        if ending is Outcome.RETRY:
            raise AirflowException(explain(code, words, output))
        if ending is Outcome.FAIL:
            raise AirflowFailException(explain(code, words, output))
        return str(_answer(output)[self.gives]) if self.gives else None

    def on_kill(self) -> None:
        """Ends the command and all that it started."""
        if self._process is not None:
            self._process.terminate()

    def _run(self, context: Any) -> Run:
        dag_run = context["dag_run"]
        return Run(
            dag_run.dag_id,
            dag_run.run_id,
            dict(context["params"]),
            _key(dag_run),
            context["ti"].xcom_pull(task_ids=self.takes) if self.takes else None,
        )

    def _stream(self, words: list[str]) -> tuple[int, list[str]]:
        tandem = Path(sys.executable).with_name("tandem")
        self.log.info("Running: tandem %s", " ".join(words))
        tail: deque[str] = deque(maxlen=TAIL_LINES)
        with subprocess.Popen(
            [sys.executable, "-SE", str(LEASH), str(os.getpid()), str(tandem), *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            encoding="utf-8",
            errors="replace",
        ) as self._process:
            try:
                for line in self._process.stdout or ():
                    self.log.info("%s", line.rstrip())
                    tail.append(line.rstrip())
            except BaseException:  # a timeout: leaving the block would wait for the command's end
                self._process.terminate()
                raise
        return self._process.returncode, list(tail)

    def _log_triggers(self, context: Any) -> None:
        """All events that this run answers: several may have become one run."""
        if self.upstream_task_ids:
            return
        for asset, events in context["triggering_asset_events"].items():
            for event in events:
                source = f"{event.source_dag_id} {event.source_run_id} {event.source_task_id}"
                self.log.info("Triggered by %s at %s from %s", asset, event.timestamp, source)


def _key(dag_run: Any) -> str | None:
    """The KEY that the run is for, if it is for one."""
    if dag_run.run_type not in OF_ONE_KEY or dag_run.data_interval_start is None:
        return None
    return schedule.key_of(dag_run.data_interval_start, settings.read())


def _answer(output: list[str]) -> dict[str, Any]:
    """The JSON object among a command's last lines."""
    line = next(line for line in reversed(output) if line.startswith("{"))
    return dict(json.loads(line))
