"""Takes new data in: open → ingest → validate → commit.

A scheduled or backfilled run takes its own KEY. One that somebody triggers takes the next missing
KEY or, given `from` and `to`, a range of them in one commit. `file` replaces the rows of one KEY
(`from` = `to`): the door for repairs. Refused data fails the run, commits nothing and says why in
the task log and in `$TANDEM_HOME/validation/KEY.json`.
"""

from airflow.sdk import DAG, Param, chain

from tandem_dags import commands, schedule, settings
from tandem_dags.assets import ACCEPTED_DATA
from tandem_dags.operators import DEFAULT_ARGS, INGESTION_POOL, TandemOperator

SETTINGS = settings.read()
KEY = {"type": ["null", "string"], "pattern": commands.KEY_PATTERN}
OPEN_END = "null: the source's {} KEY; both null: the next missing"

with DAG(
    "recommender_ingestion",
    description="One partition, or a range, from the source to an accepted data version",
    doc_md=__doc__,
    schedule=schedule.of_source(SETTINGS),
    start_date=SETTINGS.since,
    catchup=True,  # a KEY that was missed while Airflow was down is run, too
    max_active_runs=1,
    tags=["tandem", "data"],
    # a backfill has a limit of its own beside max_active_runs: the pool holds for both, and what
    # has begun goes first
    default_args=DEFAULT_ARGS | {"pool": INGESTION_POOL, "weight_rule": "upstream"},
    params={
        "from": Param(None, title="First KEY", description=OPEN_END.format("first"), **KEY),
        "to": Param(None, title="Last KEY", description=OPEN_END.format("last"), **KEY),
        "file": Param(
            None,
            title="Rows for that KEY",
            description="absolute path; replaces the source's rows; needs from = to",
            type=["null", "string"],
            pattern=commands.PATH_PATTERN,
            maxLength=commands.MAX_PATH_CHARACTERS,
        ),
    },
):
    chain(
        TandemOperator(task_id="open", command=commands.open_run),
        TandemOperator(task_id="ingest", command=commands.ingest),
        TandemOperator(task_id="validate", command=commands.step("validate")),
        TandemOperator(task_id="commit", command=commands.commit, outlets=[ACCEPTED_DATA]),
    )
