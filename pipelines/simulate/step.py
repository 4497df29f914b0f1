"""`tandem simulate`: the next partitions arrive, one by one, through the DAGs."""

from collections.abc import Mapping
from typing import Any

from pipelines import verbs
from pipelines.airflow import INGESTION, TRAINING, Airflow, Deadline, follow_chain, ready
from pipelines.contracts.operate import Arrival, Simulated
from pipelines.errors import NothingArrived, RunFailed
from pipelines.home import Home
from pipelines.params import Params
from pipelines.progress import log


def run(params: Params, partitions: int) -> Simulated:
    """Triggers the ingestion of the next KEY and follows all that it sets off, so many times.

    A reject of the gate is an outcome like a ship: it is reported, and the next KEY arrives.

    Raises:
        NothingArrived: The source has no KEY left.
        RunFailed: A DAG run failed for another reason.
        WaitedTooLong: It took too long; the message says what did.
    """
    airflow = Airflow.of(Home.find().require())
    ready(airflow, Deadline(params.up.start_timeout_seconds))
    arrivals: list[Arrival] = []
    while len(arrivals) < partitions:
        arrival = _arrive(airflow, params)
        if arrival is None:
            break
        log(f"{arrival.partition}: {arrival.verdict}, live: {arrival.version or 'as before'}")
        arrivals.append(arrival)
    if not arrivals:
        raise NothingArrived("the source has no partition left", hint="tandem status lists all")
    return Simulated(arrivals=arrivals)


def _arrive(airflow: Airflow, params: Params) -> Arrival | None:
    before = verbs.run("status")
    run = airflow.trigger(INGESTION, {})
    try:
        finished = follow_chain(airflow, run, Deadline(params.demo.timeout_seconds))
    except RunFailed as failure:
        after = verbs.run("status")
        if not _is_reject(failure, before, after):
            raise
        return _arrival(before, after)
    if finished[0].skipped("ingest"):
        return None
    return _arrival(before, verbs.run("status"))


def _is_reject(failure: RunFailed, before: Mapping[str, Any], after: Mapping[str, Any]) -> bool:
    """Whether a run failed by a verdict of the gate that was not there before it."""
    verdict = after["last_verdict"]
    is_new = verdict is not None and verdict != before["last_verdict"]
    at_register = (failure.dag_id, failure.task_id) == (TRAINING, "register")
    return at_register and is_new and verdict["verdict"] == "reject"


def _arrival(before: Mapping[str, Any], after: Mapping[str, Any]) -> Arrival:
    """What changed between two answers of `tandem status`."""
    known = {part["tag"] for part in before["partitions"]}
    new = [part for part in after["partitions"] if part["tag"] and part["tag"] not in known]
    verdict = after["last_verdict"]
    live, was = (status["champion"] or {} for status in (after, before))
    changed = live.get("version") != was.get("version")
    return Arrival(
        partition=new[-1]["key"],
        data_tag=new[-1]["tag"],
        verdict=verdict["verdict"],
        reason=verdict["reason"],
        version=live["version"] if changed else None,
    )
