"""Prepared data without their test window: what is not there, no trial can look at."""

import numpy as np
import pandas as pd

from pipelines.errors import NoValidation
from pipelines.models.examples import PreparedData

TEST = "test"


def without_test(data: PreparedData) -> PreparedData:
    """The same tables up to the test cut; rows keep their order, places are counted anew.

    Raises:
        NoValidation: There is no validation window, as in a refresh.
    """
    if not len(data.window("validation")):
        raise NoValidation(
            f"there is no validation window: the prepared data are of a {data.prepared.kind}",
            hint="set kind: recipe in run.yaml, then run `tandem prepare`",
        )
    kept = data.interactions[data.interactions["window"] != TEST].reset_index(drop=True)
    kept = kept.assign(
        user_start=_first(kept, ["user_id"]), page_start=_first(kept, ["user_id", "timestamp"])
    )
    counts = data.prepared.counts.model_copy(
        update={"users": int(kept["user_id"].nunique()), TEST: 0}
    )
    prepared = data.prepared.model_copy(
        update={"counts": counts, "newest_event": int(kept["timestamp"].max())}
    )
    return PreparedData(prepared, kept, data.items)


def _first(frame: pd.DataFrame, keys: list[str]) -> pd.Series:
    """[interactions] the first row of each one's group."""
    rows = pd.Series(np.arange(len(frame), dtype=np.int32), index=frame.index)
    return rows.groupby([frame[key] for key in keys], sort=False).transform("min")
