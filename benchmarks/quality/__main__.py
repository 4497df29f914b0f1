"""The recommenders on MovieLens-100K: every contender, every protocol, several seeds.

    python -m benchmarks.quality [--seeds N] [--scratch DIR]

All is chosen on the validation window: parameters (params.yaml), epochs, calibration, weights of a
blend. The test window is read here, for figures alone. `window` and `last` need fits of their own
and are measured with the first seed. Fits are kept in the scratch folder, so a killed run goes on.
Running it again fits nothing. Writes results/quality.json and the README's table.
"""

import argparse
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks import record
from benchmarks.quality.fits import Recipe, source
from benchmarks.quality.measures import figures, paired
from benchmarks.quality.questions import Exam
from benchmarks.quality.tables import markdown
from pipelines import progress
from pipelines.contracts.model import PREPARED
from pipelines.models.artifact import open_artifact
from pipelines.models.examples import PreparedData
from pipelines.models.family import parts
from pipelines.params import Params

SEEDED = ("multitask",)
"""Families whose fit draws at random, and so those that are made of them."""
PEERS = "blend of peers"
PEER_SOURCES = "blend.sources=[cf, als, sequence]"


def main() -> int:
    """Fits, asks and keeps the result."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seeds", type=int, default=3, metavar="N")
    parser.add_argument("--scratch", type=Path, default=Path("var/quality"), metavar="DIR")
    asked = parser.parse_args()
    data = PreparedData.load(_prepared(asked.scratch))
    exam = Exam(data, Params.load())
    found: dict[str, list[dict[str, Any]]] = {}
    answers: dict[str, list[Any]] = {}
    for recipe in _recipes(asked.seeds):
        progress.log(f"{recipe.name}, seed {recipe.params.fit.seed}")
        is_first = recipe.params.fit.seed == exam.params.fit.seed
        cuts = (exam.live_cut, exam.window_cut, exam.last_cut) if is_first else (exam.live_cut,)
        models = {
            cut.name: open_artifact(source(asked.scratch / "fits", recipe, cut).folder)
            for cut in cuts
        }
        measured, asked_live = figures(exam, models)
        found.setdefault(recipe.name, []).append(measured)
        answers.setdefault(recipe.name, []).append(asked_live)
    result = {
        "data_version": data.prepared.data_version,
        "n_events": len(exam.test.rows),
        "n_users": exam.test.bootstrap.n_users,
        "cold_chance": round(exam.cold_chance(), 6),
        "n_cold": len(exam.cold),
        "contenders": found,
        "paired": paired(exam, answers, PEERS),
    }
    record.put_in(record.ROOT / "README.md", "quality", f"\n{markdown(result)}\n")
    record.keep("quality", result)
    return 0


def _recipes(seeds: int) -> Iterator[Recipe]:
    """Every contender, those with a seed as often as asked; a blend after its sources."""
    params = Params.load()
    peers = Params.load(overrides=[PEER_SOURCES])
    for name in [str(family) for family in params.families]:
        yield from _seeded(name, name, params, seeds if name in SEEDED else 1)
    yield from _seeded(PEERS, "blend", peers, 1)
    for name in [str(blend) for blend in params.blends]:
        is_seeded = any(each in SEEDED for each in parts(name, params))
        yield from _seeded(name, name, params, seeds if is_seeded else 1)


def _seeded(name: str, family: str, params: Params, seeds: int) -> Iterator[Recipe]:
    for number in range(seeds):
        fit = params.fit.model_copy(update={"seed": params.fit.seed + number})
        yield Recipe(name, family, params.model_copy(update={"fit": fit}))


def _prepared(scratch: Path) -> Path:
    """The prepared tables of a clone of this commit with all that the source has."""
    clone, home = (scratch / "clone").resolve(), (scratch / "home").resolve()
    if not (clone / PREPARED / "prepared.json").is_file():
        subprocess.run(["rm", "-rf", str(clone), str(home)], check=True)
        record.clone_to(clone)
        for words in (["ingest", "--from", "1997-09-15"], ["validate"], ["prepare"]):
            command = ["env", f"TANDEM_HOME={home}", f"PYTHONPATH={clone}", sys.executable]
            subprocess.run(
                [*command, "-m", "pipelines", *words, "--json"],
                cwd=clone,
                check=True,
                stdout=subprocess.DEVNULL,
            )
    return clone / PREPARED


if __name__ == "__main__":
    sys.exit(main())
