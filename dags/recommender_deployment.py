"""Makes the newest version that may ship live: package → deploy.

What is deployed is read from the registry, never from the event: events coalesce. When nothing is
newer than what is live, both tasks are skipped.
"""

from airflow.sdk import DAG, chain

from tandem_dags import commands
from tandem_dags.assets import SHIPPED_MODEL
from tandem_dags.operators import DEFAULT_ARGS, TandemOperator

with DAG(
    "recommender_deployment",
    description="The newest registered version to a live endpoint",
    doc_md=__doc__,
    schedule=[SHIPPED_MODEL],
    catchup=False,
    max_active_runs=1,
    tags=["tandem", "release"],
    default_args=DEFAULT_ARGS,
):
    chain(
        TandemOperator(task_id="package", command=commands.package),
        TandemOperator(task_id="deploy", command=commands.deploy),
    )
