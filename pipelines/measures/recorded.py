"""Ranks on disk: what each model answered to each interaction of the test window.

The gate compares the judged model with the other families by these, without asking them again, and
checks that the judged one, asked anew, still answers so. They hold rows and ranks, no ids.
"""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines import storage
from pipelines.models.examples import Ints


def write_ranks(folder: Path, ranks: Mapping[str, tuple[Ints, Ints]]) -> None:
    """Writes one table per family in place of the folder.

    Args:
        folder: For instance `data/measured`.
        ranks: By family, rows of the prepared interactions and the rank at each.
    """
    staging = storage.staging_folder(folder)
    for family, (rows, places) in ranks.items():
        frame = pd.DataFrame({"row": rows.astype(np.int32), "rank": places.astype(np.int32)})
        storage.write_table(staging / f"{family}.parquet", frame)
    storage.replace_folder(staging, folder)


def read_ranks(folder: Path, family: str) -> tuple[Ints, Ints]:
    """Rows and ranks of a family."""
    frame = storage.read_table(folder / f"{family}.parquet")
    return frame["row"].to_numpy(np.int64), frame["rank"].to_numpy(np.int64)
