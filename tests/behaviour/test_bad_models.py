"""What the gate refuses, made from outside on the known-answer world, and judged by the real gate.

The whole table, with what needs data of real size, is `make bench-gate`.
"""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.bad_models import judging
from benchmarks.bad_models.program import Change
from benchmarks.bad_models.table import HONEST, MUTANTS
from benchmarks.bad_models.workshop import Sizes, Workshop, changed
from pipelines.cli import application
from pipelines.contracts.model import PREPARED
from pipelines.evaluate import step as evaluate
from pipelines.gate import step as gate
from pipelines.train import step as train
from tests.world import make_world, world_params

ROOT = Path(__file__).parents[2]
# answers are known, so a good model is better than anything real: hence the last two
SMALL = (
    "families=[popularity, cf]",
    "blends=[]",
    "evaluate.k=3",
    "gate.min_events=100",
    "gate.min_users=20",
    "gate.max_megabytes=5",
    "gate.max_share_of_best=0.99",
    "gate.max_gain=1000.0",
    # milliseconds on a busy machine are no subject here
    "gate.max_slowdown=1000.0",
    "gate.max_latency_ms=10000",
)
SIZES = Sizes(
    ballast_bytes=6_000_000, growth_bytes=200_000, loops=3_000_000, short=30, unfair=(1, 2)
)
MAKE = {mutant.name: mutant for mutant in MUTANTS}
QUICK = [
    "nan-without-history",
    "rows-shifted",
    "head-negated",
    "random",
    "maskless",
    "no-rank",
    "float-times",
    "heads-reordered",
    "extra-file",
    "text-graph",
    "writes-a-file",
    "nested-graph",
]
"""One way to fail each kind of check that a small world can show."""


@pytest.fixture(scope="module")
def params():
    return world_params(*SMALL)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory, params):
    """A clone in which train and evaluate have run."""
    folder = tmp_path_factory.mktemp("clone")
    make_world().write(folder / PREPARED)
    (folder / "run.yaml").write_text("kind: recipe\n")
    shutil.copy(ROOT / "behaviours.yaml", folder)
    (folder / "champion.json").write_text('{"version": null}\n')
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("PYTHONPATH", str(ROOT))  # for the gate's fresh process
        for family in params.families:
            train.run(params, family)
        evaluate.run(params)
        yield Workshop(folder, params, SIZES)


def judged(workshop, mutant, folder):
    """What the gate says of a mutant; asked in this process."""
    mutant.make(workshop, folder)
    before = judging.state(workshop.clone)
    verdict = gate.run_on_artifact(workshop.params, folder)
    disturbed = judging.disturbed(before, judging.state(workshop.clone), mutant)
    return judging.refusal(mutant, verdict.verdict, judging.stopped(verdict), disturbed)


CLAIMS = {"fit_until": 1, "data_version": "data/2030-01-01", "code_digest": "f" * 64, "params": {}}


def test_an_honest_model_in_new_clothes_ships_whatever_it_claims_of_its_past(workshop, tmp_path):
    """Else the refusals below might be for the clothes, or for what a manifest says."""
    clothed = changed(lambda _: Change(), **CLAIMS)

    found = judged(workshop, replace(HONEST, make=clothed), tmp_path / "honest")

    assert found.is_as_wanted, found


def test_a_refused_artifact_ends_the_command_with_4_and_names_the_check(workshop, tmp_path, capsys):
    MAKE["flipped card.md"].make(workshop, tmp_path / "bad")
    settings = [word for override in SMALL for word in ("-P", override)]
    place = ("--params", str(ROOT / "params.yaml"), *settings)

    code = application.main(["gate", "--artifact", str(tmp_path / "bad"), "--json", *place])

    error = json.loads(capsys.readouterr().out)["error"]
    assert (code, error["code"]) == (4, "rejected")
    assert error["where"][0].startswith("digest:judged: ")


@pytest.mark.parametrize("name", QUICK)
def test_a_bad_model_is_refused_by_the_named_check_and_changes_nothing(workshop, name, tmp_path):
    found = judged(workshop, MAKE[name], tmp_path / "mutant")

    assert found.is_as_wanted, found
