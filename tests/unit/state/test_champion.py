"""The two files that a run starts with."""

import json

from ruamel.yaml import YAML

from pipelines.contracts.model import Champion, Recipe, RunFile
from pipelines.state import champion


def test_without_a_champion_the_files_are_those_of_main() -> None:
    files = champion.files(RunFile(kind="recipe"), champion.NONE)

    assert files["champion.json"] == b'{"version": null}\n'
    written = RunFile.model_validate(YAML(typ="safe").load(files["run.yaml"]))
    assert written == RunFile(kind="recipe")


def test_a_refresh_keeps_what_it_takes_over() -> None:
    run_file = RunFile(
        kind="refresh",
        family="cf",
        epochs={"cf": 1, "multitask": 7},
        calibration={"cf": {"like": {"slope": 0.5}}},
        recipe_commit="ab" * 20,
    )
    live = Champion(
        version="recommender@v2.0.0",
        model_digest="d",
        commit="c",
        recipe=Recipe(commit="e", digest="f"),
    )

    files = champion.files(run_file, live)

    assert RunFile.model_validate(YAML(typ="safe").load(files["run.yaml"])) == run_file
    assert Champion.model_validate(json.loads(files["champion.json"])) == live
