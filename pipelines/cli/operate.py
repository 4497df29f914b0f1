"""Verbs of the Operate group: init, doctor, up, down, run, status, checkout, demo, simulate."""

from pathlib import Path
from typing import Annotated

import typer

from pipelines.cli import console
from pipelines.cli.options import Json, Overrides, ParamsFile, as_typed, load

GROUP = "Operate"
RunId = Annotated[str, typer.Argument(metavar="ID", help="The run's name.")]


def register(app: typer.Typer) -> None:
    """Adds this group's verbs."""
    for verb in (init, doctor, up, down, status, checkout, demo, simulate):
        app.command(rich_help_panel=GROUP)(verb)
    run = typer.Typer(
        help="One run: open a clone, do its steps there, commit.", no_args_is_help=True
    )
    run.command("open")(run_open)
    run.command(
        "step", context_settings={"allow_extra_args": True, "ignore_unknown_options": True}
    )(run_step)
    run.command("commit")(run_commit)
    app.add_typer(run, name="run", rich_help_panel=GROUP)


def init(
    dataset: Annotated[str | None, typer.Option(help="A descriptor in datasets/.")] = None,
    as_json: Json = False,
    params: ParamsFile = None,
    override: Overrides = None,
) -> None:
    """Make the home: keys, the state repository, Airflow's DAG folder.

    Example: tandem init
    """
    from pipelines.init import step

    console.show(step.run(load(params, override), dataset), as_json)


def doctor(
    deep: Annotated[
        bool, typer.Option("--deep", help="Compare the digest of everything that is stored.")
    ] = False,
    repair: Annotated[
        bool, typer.Option("--repair", help="Remove lock files of Git and DVC that nobody holds.")
    ] = False,
    as_json: Json = False,
) -> None:
    """Look for what is wrong with this machine or this home, and say how to mend it.

    Example: tandem doctor
    """
    from pipelines.doctor import step

    console.show(step.run(deep, repair), as_json, step.enforce)


def up(
    next_free_ports: Annotated[
        bool, typer.Option(help="Take the next free port where one is taken.")
    ] = False,
    as_json: Json = False,
    params: ParamsFile = None,
    override: Overrides = None,
) -> None:
    """Start the gateway, the recorded slots and Airflow.

    Example: tandem up
    """
    from pipelines.up import step

    console.show(step.up(load(params, override), next_free_ports), as_json)


def down(as_json: Json = False) -> None:
    """Stop all that `up` started.

    Example: tandem down
    """
    from pipelines.up import step

    console.show(step.down(), as_json)


def status(as_json: Json = False) -> None:
    """Show what is live and walk its chain: partition, commit, digest, version, slot.

    Example: tandem status --json
    """
    from pipelines.status import step

    console.show(step.run(), as_json)


def checkout(
    directory: Annotated[
        Path,
        typer.Argument(parser=as_typed, metavar="DIR", help="A folder that does not exist yet."),
    ],
    version: Annotated[str | None, typer.Option(metavar="VERSION")] = None,
    as_json: Json = False,
) -> None:
    """Make a clone of a version's commit in which `dvc repro` is a no-op.

    Example: tandem checkout ../look --version recommender@v1.0.0
    """
    from pipelines.checkout import step

    console.show(step.run(directory, version), as_json)


def run_open(
    run_id: RunId,
    airflow_run_id: Annotated[str | None, typer.Option(help="Recorded in the commit.")] = None,
    as_json: Json = False,
) -> None:
    """Clone the state for a run.

    Example: tandem run open nightly-7
    """
    from pipelines.home import Home
    from pipelines.state import runs

    console.show(runs.open_run(Home.find().require(), run_id, airflow_run_id), as_json)


def run_step(context: typer.Context, run_id: RunId, verb: str) -> int:
    """Run a verb or a DVC stage in the run's clone; ends with that verb's exit code.

    Example: tandem run step nightly-7 validate
    """
    from pipelines.home import Home
    from pipelines.state import runs

    return runs.step(Home.find().require(), run_id, verb, context.args)


def run_commit(run_id: RunId, as_json: Json = False) -> None:
    """Push a run's data, then its commit and tags, by compare-and-swap.

    Example: tandem run commit nightly-7
    """
    from pipelines.home import Home
    from pipelines.state import runs

    console.show(runs.commit(Home.find().require(), run_id), as_json)


def demo(as_json: Json = False, params: ParamsFile = None, override: Overrides = None) -> None:
    """Everything once, by real DAG runs: data to a live endpoint.

    Example: tandem demo
    """
    from pipelines.demo import step, summary
    from pipelines.progress import stderr

    record = step.run(load(params, override))
    if as_json:
        console.show(record, as_json)
    else:
        stderr.print(summary.render(record), soft_wrap=True)


def simulate(
    partitions: Annotated[int, typer.Option(min=1, help="How many arrive, one by one.")] = 1,
    as_json: Json = False,
    params: ParamsFile = None,
    override: Overrides = None,
) -> None:
    """Let the next partitions arrive through the DAGs.

    Example: tandem simulate --partitions 1
    """
    from pipelines.simulate import step

    console.show(step.run(load(params, override), partitions), as_json)
