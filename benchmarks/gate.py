"""What the gate refuses, and how often it is wrong about honest models.

    python -m benchmarks.gate                    # makes its own clone first: data, models, verdict
    python -m benchmarks.gate --clone DIR        # an evaluated clone of yours, which stays as it is

Every bad model of benchmarks/bad_models goes through `tandem gate`; ends with 4 unless each is
refused by the check that is named for it and the false alarms stay below their bound. A whole run
writes docs/refusals.md. What was fitted lies in the scratch folder, so that a run that was killed
goes on.
"""

import argparse
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks import false_alarms, record
from benchmarks.bad_models import judging, page
from benchmarks.bad_models.table import HONEST, MUTANTS
from benchmarks.bad_models.workshop import Sizes, Workshop
from pipelines.contracts.model import PREPARED, WINNER, Winner
from pipelines.models.examples import PreparedData
from pipelines.params import Params
from pipelines.progress import log
from pipelines.storage import read_record

FAILED = 4
PAGE = record.ROOT / "docs" / "refusals.md"
SCRATCH = record.ROOT / "var" / "bench-gate"
KEYS = ("--from", "1997-09-15", "--to", "1998-04-20")
"""All of MovieLens-100K."""
SIZES = Sizes(
    ballast_bytes=2_000_000_000,
    growth_bytes=1_000_000,
    loops=5_000_000,
    short=30,
    unfair=(5, 19),
)


def main() -> int:
    """Judges all, keeps the result and says whether it is as it must be."""
    options = _options()
    scratch: Path = options.scratch
    clone = options.clone or _own_clone(scratch / "clone")
    params = Params.load(clone / "params.yaml", ())
    workshop = Workshop(clone, params, SIZES)
    mutants = _mutants(workshop, scratch, options.only)
    result: dict[str, Any] = {
        "mutants": mutants,
        "refused": sum(m["as_wanted"] for m in mutants if m["row"]),
    }
    if not options.only:
        result["false_alarms"] = _false_alarms(workshop, scratch, options)
    record.keep("gate", result)
    log(page.table(mutants))
    if not options.only:
        PAGE.write_text(page.page(result), encoding="utf-8")
    return 0 if _is_good(result) else FAILED


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--clone", type=_place, help="an evaluated clone")
    parser.add_argument("--scratch", type=_place, default=SCRATCH)
    parser.add_argument("--retrains", type=int, default=10, help="other seeds, at least 2")
    parser.add_argument("--epochs", type=int, help="of a retrain; default: the winner's")
    parser.add_argument("--only", nargs="+", help="names of mutants; no false alarms then")
    return parser.parse_args()


def _place(text: str) -> Path:
    """Absolute: the gate works in another folder."""
    return Path(text).resolve()


def _own_clone(clone: Path) -> Path:
    """A plain clone of this commit in which `dvc repro` has run."""
    if not clone.is_dir():
        record.clone_to(clone)
    for words in (("ingest", *KEYS), ("validate",)):
        command = [sys.executable, "-m", "pipelines", *words]
        done = subprocess.run(command, cwd=clone, check=False)
        if done.returncode not in (0, 99):  # 99: it is there already
            raise SystemExit(done.returncode)
    subprocess.run([sys.executable, "-m", "dvc", "repro"], cwd=clone, check=False)
    return clone


def _mutants(workshop: Workshop, scratch: Path, only: list[str] | None) -> list[dict[str, Any]]:
    """What the gate said of each; the honest one first, which must ship."""
    rows = []
    for mutant in (HONEST, *MUTANTS):
        if only and mutant.name not in only:
            continue
        folder = scratch / "mutants"
        shutil.rmtree(folder, ignore_errors=True)
        found = judging.judged(workshop, mutant, folder)
        row = judging.as_json(found)
        log(f"{'as expected' if row['as_wanted'] else 'NOT AS EXPECTED'}: {found}")
        rows.append(row)
    return rows


def _false_alarms(workshop: Workshop, scratch: Path, options: argparse.Namespace) -> dict[str, Any]:
    winner = read_record(workshop.clone / WINNER, Winner)
    data = PreparedData.load(workshop.clone / PREPARED)
    trial = false_alarms.Trial(data, workshop.params, winner)
    epochs = options.epochs or winner.epochs
    models = []
    for seed in range(1, options.retrains + 1):
        name = f"{winner.family}-{epochs}-epochs-seed-{seed}"
        log(f"retrain {seed} of {options.retrains}: {name}")
        models.append(false_alarms.retrained(trial, seed, epochs, scratch / "retrains" / name))
    original = false_alarms.asked(trial, workshop.honest.folder)
    return {
        "goal": false_alarms.GOAL,
        "retrains": false_alarms.of_retrains(trial, original, models),
        "pairs": false_alarms.of_pairs(trial, models, false_alarms.PAIRS),
    }


def _is_good(result: dict[str, Any]) -> bool:
    pairs = result.get("false_alarms", {}).get("pairs", {})
    bounds = [told[name] for told in pairs.values() for name in ("refused_upper", "better_upper")]
    is_refused = all(mutant["as_wanted"] for mutant in result["mutants"])
    return is_refused and all(bound <= false_alarms.GOAL for bound in bounds)


if __name__ == "__main__":
    sys.exit(main())
