"""The champion as a run sees it, and the kind of run that follows from it (DESIGN §8)."""

from io import StringIO

from ruamel.yaml import YAML

from pipelines import storage
from pipelines.contracts.model import (
    CHAMPION_FILE,
    RUN_FILE,
    TRAIN_REPORTS,
    WINNER,
    Champion,
    Recipe,
    RunFile,
    TrainReport,
    Winner,
)
from pipelines.contracts.release import Deployment
from pipelines.home import Home
from pipelines.state.fetch import read_record
from pipelines.state.repository import Repository
from pipelines.state.settings import PARAMS, yaml_at

NONE = Champion(version=None)
SECTIONS = ("dataset", "families", "blends", "split", "fit")
"""Sections of params.yaml that make a recipe, beside each family's own."""
CODE = ("pipelines/models", "pipelines/prepare", "pipelines/descriptors.py")
"""What the models are made by, beside the data set's descriptor."""


def current(home: Home) -> Champion:
    """The champion that is live, with its recipe run; none before the first release."""
    if not home.deployment.exists():
        return NONE
    live = storage.read_record(home.deployment, Deployment).champion
    if live is None:
        return NONE
    return Champion(
        version=live.version,
        model_digest=live.model_digest,
        commit=live.commit,
        recipe=_recipe(home, live.commit),
    )


def plan(
    home: Home, base: str, champion: Champion, *, is_recipe_asked: bool
) -> tuple[RunFile, str]:
    """The run file of a new run, and why the run is of that kind.

    Args:
        home: The home.
        base: The commit that the run starts from.
        champion: What is live.
        is_recipe_asked: Whether somebody asks for a recipe run, whatever has changed.
    """
    reason = "it was asked for" if is_recipe_asked else _why_recipe(home, base, champion)
    if reason is not None or champion.recipe is None:
        return RunFile(kind="recipe"), reason or "the champion's recipe is not known"
    recipe = champion.recipe.commit
    params = yaml_at(home, recipe, PARAMS)
    reports = [
        read_record(home, recipe, TRAIN_REPORTS / f"{family}.json", TrainReport)
        for family in (*params["families"], *params["blends"])
    ]
    refresh = RunFile(
        kind="refresh",
        family=read_record(home, recipe, WINNER, Winner).family,
        epochs={report.family: report.epochs for report in reports},
        calibration={report.family: report.calibration for report in reports},
        recipe_commit=recipe,
    )
    return refresh, f"params and model code are those of {champion.version}'s recipe run"


def files(run_file: RunFile, champion: Champion) -> dict[str, bytes]:
    """The two tracked files that a run starts with, by path."""
    text = StringIO()
    yaml = YAML()
    yaml.dump(run_file.model_dump(), text)
    facts = champion.model_dump_json(indent=2, exclude_none=champion.version is not None)
    if champion.version is None:
        facts = '{"version": null}'
    return {
        RUN_FILE.as_posix(): text.getvalue().encode(),
        CHAMPION_FILE.as_posix(): f"{facts}\n".encode(),
    }


def _recipe(home: Home, commit: str) -> Recipe | None:
    """The recipe run that a commit's model comes from: its own, or the one a refresh names."""
    own = RunFile.model_validate(yaml_at(home, commit, RUN_FILE.as_posix()))
    origin = commit if own.kind == "recipe" else own.recipe_commit
    if origin is None:
        return None
    return Recipe(commit=origin, digest=read_record(home, origin, WINNER, Winner).artifact_digest)


def _why_recipe(home: Home, base: str, champion: Champion) -> str | None:
    """Why the run cannot be a refresh; None if it can."""
    if champion.recipe is None:
        return "there is no champion"
    ours, theirs = (yaml_at(home, commit, PARAMS) for commit in (base, champion.recipe.commit))
    sections = (*SECTIONS, *ours["families"], *ours["blends"])
    changed = [name for name in sections if ours.get(name) != theirs.get(name)]
    if changed:
        return f"parameters differ from the champion's recipe run: {', '.join(changed)}"
    state = Repository(home.state_repo)
    for path in (*CODE, f"datasets/{ours['dataset']}.yaml"):
        if state.object_id(base, path) != state.object_id(champion.recipe.commit, path):
            return f"{path} differs from the champion's recipe run"
    return None
