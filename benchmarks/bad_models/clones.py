"""An evaluated clone in which something is not as it seems, made while nobody looked.

Whoever changes a file here also changes the records that name its digest.
"""

import json
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.bad_models.changes import unfair
from benchmarks.bad_models.contract import Original, forge
from benchmarks.bad_models.program import Program
from pipelines.models.examples import INTERACTIONS
from pipelines.storage import tree_digest

PREPARED, MEASURED = Path("data/prepared"), Path("data/measured")
WINNER, CHAMPION, REFIT = Path("reports/winner.json"), Path("champion.json"), "artifacts/refit"
FEW_USERS = 30
PUT_BACK = 200
"""Rows that nobody accepted."""
EVER = 1 << 30


def file_order(clone: Path) -> None:
    """Histories by the order of the file: each event sees those of its page that stand before."""
    table = _interactions(clone)
    _set_interactions(clone, table.assign(page_start=np.arange(len(table), dtype=np.int32)))


def quarantined_rows(clone: Path) -> None:
    """Rows of the train window that validation never let through."""
    table = _interactions(clone)
    rows = np.flatnonzero((table["window"] == "train").to_numpy())
    rows = np.random.default_rng(4).choice(rows, min(PUT_BACK, len(rows)), replace=False)
    moved = np.roll(rows, 1)
    for column in ("item_id", "item"):
        values = table[column].to_numpy().copy()
        values[rows] = values[moved]
        table[column] = values
    _set_interactions(clone, table)


def few_users(clone: Path) -> None:
    """A test window of thirty users."""
    table = _interactions(clone)
    is_test = (table["window"] == "test").to_numpy()
    users = pd.unique(table.loc[is_test, "user_id"])[:FEW_USERS]
    is_out = is_test & ~table["user_id"].isin(users).to_numpy()
    _set_interactions(clone, table.assign(window=np.where(is_out, "later", table["window"])))
    gone = np.flatnonzero(is_out)
    for path in (clone / MEASURED).glob("*.parquet"):
        ranks = pd.read_parquet(path)
        ranks[~ranks["row"].isin(gone)].reset_index(drop=True).to_parquet(path)


def other_refit(clone: Path) -> None:
    """What would be served is another model than the judged one, under its name."""
    winner = _json(clone / WINNER)
    original = Original(clone / "artifacts" / winner["family"])
    shutil.rmtree(clone / REFIT, ignore_errors=True)
    program = Program(original, unfair(0, EVER, 100.0))
    newest = _json(clone / PREPARED / "prepared.json")["newest_event"]
    forge(original, clone / REFIT, program, program.signatures(), lies={"fit_until": newest})


def lost_champion(clone: Path) -> None:
    """The champion's version is known, and its files are nowhere."""
    champion = {"version": "recommender@v1.0.0", "commit": "0" * 40, "model_digest": "0" * 64}
    champion["recipe"] = {"commit": "0" * 40, "digest": "0" * 64}  # type: ignore[assignment]
    (clone / CHAMPION).write_text(json.dumps(champion))


def flipped(clone: Path, name: str) -> None:
    """One bit of one file of the winner's artifact."""
    path = clone / "artifacts" / _json(clone / WINNER)["family"] / name
    flip(path)


def flip(path: Path) -> None:
    """Changes one bit in the middle of a file."""
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)


def _interactions(clone: Path) -> pd.DataFrame:
    return pd.read_parquet(clone / PREPARED / INTERACTIONS)


def _set_interactions(clone: Path, table: pd.DataFrame) -> None:
    table.to_parquet(clone / PREPARED / INTERACTIONS)
    winner = _json(clone / WINNER)
    winner["prepared_digest"] = tree_digest(clone / PREPARED)
    (clone / WINNER).write_text(json.dumps(winner))


def _json(path: Path) -> dict[str, Any]:
    return dict(json.loads(path.read_text()))
