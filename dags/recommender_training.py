"""Trains on accepted data and judges: open → prepare → … → gate → commit → register.

Every accepted-data event starts a run, one at a time; events that come meanwhile become one run.
The commit is made whatever the verdict. On `ship` the commit gets a version and the deployment
starts; on `hold` `register` is skipped and the run is green; on `reject` `register` fails.
"""

from datetime import timedelta

from airflow.sdk import DAG, chain

from tandem_dags import commands
from tandem_dags.assets import ACCEPTED_DATA, SHIPPED_MODEL
from tandem_dags.operators import DEFAULT_ARGS, TandemOperator

STAGES = ("prepare", "train", "evaluate", "refit", "gate")
FITTING = timedelta(hours=6)

with DAG(
    "recommender_training",
    description="Accepted data to a judged, committed and registered model",
    doc_md=__doc__,
    schedule=[ACCEPTED_DATA],
    catchup=False,
    max_active_runs=1,
    tags=["tandem", "model"],
    default_args=DEFAULT_ARGS,
):
    chain(
        TandemOperator(task_id="open", command=commands.open_run),
        *(
            TandemOperator(task_id=stage, command=commands.step(stage), execution_timeout=FITTING)
            for stage in STAGES
        ),
        TandemOperator(task_id="commit", command=commands.commit),
        TandemOperator(
            task_id="register", command=commands.step("register"), outlets=[SHIPPED_MODEL]
        ),
    )
