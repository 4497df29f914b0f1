"""Ids to rows: the catalogue in text order, and each interaction's place in it."""

import numpy as np
import numpy.typing as npt
import pandas as pd

UNKNOWN = -1


def catalogue(snapshot: pd.DataFrame) -> pd.DataFrame:
    """The items of a snapshot, each once, sorted by `item_id` as text (by code point).

    Columns and their order are kept; the first of several rows with one id wins.
    """
    ordered = snapshot.sort_values("item_id", kind="stable")
    return ordered.drop_duplicates("item_id").reset_index(drop=True)


def item_rows(item_ids: pd.Series, catalogue_ids: pd.Series) -> npt.NDArray[np.int32]:
    """Each interaction's row in the catalogue; `UNKNOWN` where it is not in it."""
    rows: npt.NDArray[np.int32]
    rows = pd.Index(catalogue_ids).get_indexer(pd.Index(item_ids)).astype(np.int32)
    return rows
