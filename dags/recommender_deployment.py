"""Makes the newest version that may ship live: package → deploy, or package → approve → deploy.

What is deployed is read from the registry, never from the event: events coalesce. When nothing is
newer than what is live, both tasks are skipped. With `deploy.approval` on, `approve` waits for a
person, and the very version that was approved is deployed; after a rejection `deploy` is skipped.
"""

from airflow.providers.standard.operators.hitl import ApprovalOperator
from airflow.sdk import DAG, chain

from tandem_dags import commands, settings
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
    if settings.read().approval:
        chain(
            TandemOperator(task_id="package", command=commands.package, gives="version"),
            ApprovalOperator(
                task_id="approve",
                subject="Deploy {{ ti.xcom_pull(task_ids='package') }}?",
                body="`tandem status` shows what is live and the verdict on the newest version.",
                execution_timeout=None,  # the question stays open until somebody answers it
            ),
            TandemOperator(task_id="deploy", command=commands.deploy_approved, takes="package"),
        )
    else:
        chain(
            TandemOperator(task_id="package", command=commands.package),
            TandemOperator(task_id="deploy", command=commands.deploy),
        )
