"""`last`: every user's last event is held out; for comparison with published tables alone.

Never decide on it. It leaks the future across users: a model learns from what others did after the
moment that it predicts. And where a user's last events share an instant, the order of the table
says which of them is last and the others are in its history, though nobody knew them before: on
MovieLens-100K for 44 % of the users. `live` and `window` do neither.
"""

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from pipelines.contracts.model import Counts
from pipelines.models.examples import Ints, PreparedData

TRAIN, TEST = "train", "test"


@dataclass(frozen=True)
class LeaveOneOut:
    """Two variants of prepared tables, for a fit and for `live`.

    Args:
        fit: Without every user's last event. All of it is to be learnt from, up to `until`; it has
            no window to stop early on, so epochs and calibration must be given.
        asked: The whole tables; a page is one event, and its history is what stands before it.
        rows: [users] the last events, rows of `asked`; ask `live` about them.
        until: Later than any event, microseconds.
    """

    fit: PreparedData
    asked: PreparedData
    rows: Ints
    until: int


def leave_one_out(data: PreparedData) -> LeaveOneOut:
    """Holds out each user's last event in the order of the table."""
    starts = data.user_start
    is_last = np.append(starts[1:] != starts[:-1], True)[: len(starts)]
    until = data.prepared.newest_event + 1
    return LeaveOneOut(
        fit=_fit(data, ~is_last, until),
        asked=_asked(data, is_last, until),
        rows=np.flatnonzero(is_last),
        until=until,
    )


def _asked(data: PreparedData, is_last: np.ndarray, until: int) -> PreparedData:
    table = data.interactions.assign(
        window=np.where(is_last, TEST, TRAIN).astype(object),
        page_start=np.arange(len(is_last), dtype=np.int32),
    )
    return _variant(data, table, until)


def _fit(data: PreparedData, kept: np.ndarray, until: int) -> PreparedData:
    """The rows that stay. Only last rows of users are missing: what is before them moves up."""
    missing = np.cumsum(~kept)
    table = data.interactions[kept].reset_index(drop=True)
    shift = missing[table["user_start"].to_numpy()]
    table = table.assign(
        window=TRAIN,
        user_start=table["user_start"] - shift,
        page_start=table["page_start"] - shift,
    )
    return _variant(data, table, until)


def _variant(data: PreparedData, table: pd.DataFrame, until: int) -> PreparedData:
    sizes = table["window"].value_counts()
    counts = Counts(
        users=int(table["user_start"].nunique()),
        items=data.prepared.counts.items,
        train=int(sizes.get(TRAIN, 0)),
        validation=0,
        test=int(sizes.get(TEST, 0)),
    )
    prepared = data.prepared.model_copy(
        update={"validation_cut": None, "test_cut": until, "counts": counts}
    )
    return replace(data, prepared=prepared, interactions=table)
