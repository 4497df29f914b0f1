"""`tandem demo`: everything once, by real DAG runs, from raw data to a live endpoint."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from pipelines import verbs
from pipelines.airflow import (
    DEPLOYMENT,
    INGESTION,
    TRAINING,
    Airflow,
    DagRun,
    Deadline,
    Finished,
    follow_chain,
    ready,
)
from pipelines.contracts.operate import Demo, Timed
from pipelines.demo import slate
from pipelines.descriptors import Descriptor
from pipelines.errors import NothingShipped
from pipelines.home import Home
from pipelines.params import Params
from pipelines.progress import log


def run(params: Params) -> Demo:
    """Makes a home, starts the services and follows the DAG runs; safe to run twice.

    What is done already is not done again: with a champion live, only the slate is asked for.

    Raises:
        RunFailed: A DAG run failed.
        NothingShipped: All ran, and the gate let no model through.
    """
    home, timings = Home.find(), list[Timed]()
    if not home.state_repo.is_dir():
        with _timed("init", timings):
            verbs.run("init", params=params)
    with _timed("up", timings):
        verbs.run("up", "--next-free-ports", params=params)
    airflow, deadline = Airflow.of(home), Deadline(params.demo.timeout_seconds)
    with _timed("Airflow reads the DAGs", timings):
        ready(airflow, deadline)
    status = verbs.run("status")
    if status["champion"]:
        log(f"{status['champion']['version']} is live already: nothing to train")
    else:
        backfill_to = _backfill_to(verbs.run("ingest", "--list", params=params), params)
        start = _active(airflow) or _start(airflow, status, backfill_to)
        timings += _timings(follow_chain(airflow, start, deadline))
        status = verbs.run("status")
    return _result(home, params, airflow, status, timings)


def _backfill_to(source: Mapping[str, Any], params: Params) -> str:
    """The last KEY of the backfill: the newest ones are held back, and at least one is taken."""
    keys = source["keys"]
    return str(keys[max(0, len(keys) - 1 - params.demo.hold_back)])


def _active(airflow: Airflow) -> DagRun | None:
    """A run that an interrupted demo left going, if there is one."""
    for dag_id in (INGESTION, TRAINING, DEPLOYMENT):
        for run in airflow.runs(dag_id):
            if run.state in ("queued", "running"):
                log(f"{dag_id} is at work already")
                return run
    return None


def _start(airflow: Airflow, status: Mapping[str, Any], backfill_to: str) -> DagRun:
    """Triggers the first DAG whose work is not done."""
    accepted = {part["key"] for part in status["partitions"] if part["tag"]}
    if backfill_to not in accepted:
        return airflow.trigger(INGESTION, {"to": backfill_to})
    if (status["last_verdict"] or {}).get("verdict") == "ship":
        return airflow.trigger(DEPLOYMENT, {})
    return airflow.trigger(TRAINING, {})


def _result(
    home: Home, params: Params, airflow: Airflow, status: Mapping[str, Any], timings: list[Timed]
) -> Demo:
    champion, verdict = status["champion"], status["last_verdict"]
    if champion is None:
        raise NothingShipped(
            f"no version is live; the last verdict: {verdict and verdict['verdict']}",
            where=[verdict["report"]] if verdict else [],
            hint="the report says which check decided",
        )
    features = Descriptor.load(params.dataset).item_features
    title = next((name for name, kind in features.items() if kind == "text"), None)
    user_id = slate.typical_user(home, champion["partition"])
    body = slate.request(user_id, title, params.evaluate.k)
    with _timed("recommendation", timings):
        shown = slate.ask(home, body, title)
    pages = [part["report"] for part in status["partitions"][-1:]]
    return Demo(
        champion=champion,
        verdict=verdict or {},
        user_id=user_id,
        slate=shown,
        curl=slate.curl(home, body),
        airflow=airflow.url,
        reports=[page for page in (verdict and verdict["report"], *pages) if page],
        timings=timings,
    )


def _timings(finished: list[Finished]) -> list[Timed]:
    return [
        Timed(step=f"{run.run.dag_id} {task.task_id}", seconds=round(task.seconds, 1))
        for run in finished
        for task in run.tasks
    ]


@contextmanager
def _timed(step: str, timings: list[Timed]) -> Iterator[None]:
    start = time.monotonic()
    yield
    timings.append(Timed(step=step, seconds=round(time.monotonic() - start, 1)))
