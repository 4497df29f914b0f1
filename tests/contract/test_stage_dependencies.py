"""dvc.yaml's code dependencies are the import closures of the steps, neither less nor more."""

from pathlib import Path

import grimp
import pytest
from ruamel.yaml import YAML

from pipelines.params import Params

ROOT = Path(__file__).parents[2]
ITEMS = ("${item.family}", "${item.blend}")
FAMILY_STAGE = "train"
STEPS = {"blend": "train"}
"""Stages that run another's step: a blend is trained once its sources are."""
DYNAMIC = "pipelines.models.family"
"""Finds a family's folder by name: the one import that the graph cannot see."""


@pytest.fixture(scope="module")
def graph():
    return grimp.build_graph("pipelines", "services", cache_dir=None)


def stages() -> dict[str, dict]:
    return dict(YAML(typ="safe", pure=True).load((ROOT / "dvc.yaml").read_text())["stages"])


def families() -> list[str]:
    return list(Params.load(ROOT / "params.yaml").families)


def file_of(module: str) -> str:
    path = Path(module.replace(".", "/"))
    return f"{path}/__init__.py" if (ROOT / path).is_dir() else f"{path}.py"


def closure(graph: grimp.ImportGraph, *modules: str) -> set[str]:
    """Files of the modules and of all that they import; an empty `__init__.py` says nothing."""
    found = set(modules).union(*(graph.find_upstream_modules(module) for module in modules))
    return {file for file in map(file_of, found) if (ROOT / file).stat().st_size}


def wanted(graph: grimp.ImportGraph, stage: str, family: str) -> set[str]:
    """What the stage runs: its step and, where it fits, a family."""
    step, fitted = f"pipelines.{STEPS.get(stage, stage)}.step", f"pipelines.models.{family}"
    is_fitting = DYNAMIC in graph.find_upstream_modules(step)
    return closure(graph, step, *([fitted] if is_fitting and stage in FITTING else []))


FITTING = ("train", "blend", "refit")
OWN_CODE_BY_WINNER = "refit"
"""Depends on a family's folder through the digest of its code in winner.json."""


def code_deps(stage: str, family: str) -> list[str]:
    deps = stages()[stage]["deps"]
    for item in ITEMS:
        deps = [dep.replace(item, family) for dep in deps]
    return [dep for dep in deps if dep.startswith(("pipelines/", "services/"))]


def fitted_by(stage: str) -> list[str]:
    """What the stage's matrix runs over; every family for a stage without one."""
    params = Params.load(ROOT / "params.yaml")
    return list(params.blends) if stage == "blend" else list(params.families)


CASES = [(stage, family) for stage in stages() for family in fitted_by(stage)]


def is_covered(file: str, deps: list[str]) -> bool:
    return any(file == dep or file.startswith(f"{dep}/") for dep in deps)


@pytest.mark.parametrize(("stage", "family"), CASES)
def test_a_stage_depends_on_every_file_that_its_step_imports(graph, stage, family):
    deps = code_deps(stage, family)
    if stage == OWN_CODE_BY_WINNER:
        deps.append(f"pipelines/models/{family}")

    missing = sorted(file for file in wanted(graph, stage, family) if not is_covered(file, deps))

    assert missing == []


@pytest.mark.parametrize("stage", list(stages()))
def test_a_stage_depends_on_no_file_that_its_step_does_not_import(graph, stage):
    used = set().union(*(wanted(graph, stage, family) for family in fitted_by(stage)))
    deps = {dep for family in fitted_by(stage) for dep in code_deps(stage, family)}

    needless = sorted(dep for dep in deps if not any(is_covered(file, [dep]) for file in used))

    assert needless == []


@pytest.mark.parametrize("family", families())
def test_an_edit_of_one_family_trains_no_other(family):
    others = {f"pipelines/models/{other}" for other in families()} - {f"pipelines/models/{family}"}

    deps = code_deps(FAMILY_STAGE, family)

    assert f"pipelines/models/{family}" in deps
    assert others.isdisjoint(deps)
    assert "pipelines/models" not in deps


def test_a_refit_follows_the_winners_code():
    assert "reports/winner.json" in [dep.split(" ")[0] for dep in stages()["refit"]["deps"]]


@pytest.mark.parametrize("stage", list(stages()))
def test_a_stage_runs_its_own_verb(stage):
    assert stages()[stage]["cmd"].startswith(f"python -m pipelines {STEPS.get(stage, stage)}")


def test_every_stage_has_a_step_and_every_model_step_a_stage():
    assert list(stages()) == ["prepare", "train", "blend", "evaluate", "refit", "gate"]


@pytest.mark.parametrize("stage", list(stages()))
def test_no_output_holds_what_varies_between_runs(stage):
    outs = [*stages()[stage].get("outs", []), *stages()[stage].get("metrics", [])]
    paths = [out if isinstance(out, str) else next(iter(out)) for out in outs]

    assert "reports/cost.json" not in paths
    assert all(path.startswith(("data/", "artifacts/", "reports/")) for path in paths)
