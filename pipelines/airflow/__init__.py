"""Airflow as a person uses it: its REST API, and a DAG run followed to what it sets off."""

from pipelines.airflow.chain import (
    DEPLOYMENT,
    INGESTION,
    TRAINING,
    Finished,
    follow,
    follow_chain,
    ready,
)
from pipelines.airflow.client import INGESTION_POOL, Airflow, DagRun, Task
from pipelines.airflow.waiting import Deadline

__all__ = [
    "DEPLOYMENT",
    "INGESTION",
    "INGESTION_POOL",
    "TRAINING",
    "Airflow",
    "DagRun",
    "Deadline",
    "Finished",
    "Task",
    "follow",
    "follow_chain",
    "ready",
]
