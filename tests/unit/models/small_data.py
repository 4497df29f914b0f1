"""Prepared data from a few hand-written rows."""

import numpy as np
import pandas as pd

from pipelines.contracts.model import Counts, Prepared
from pipelines.descriptors import AtLeast, BinaryTask, RegressionTask, RetrievalTask, Rule
from pipelines.models.examples import PreparedData
from tests.world import with_starts

DAY_US = 86_400_000_000
WATCH = RetrievalTask(name="watch", kind="retrieval", positive=Rule(event="rating"))
LIKE = BinaryTask(name="like", kind="binary", label=Rule(value=AtLeast(at_least=4.0)))
RATING = RegressionTask(name="rating", kind="regression", label="value")


def make_data(rows, items=("a", "b", "c"), tasks=(WATCH, LIKE, RATING), cut=10**18):
    """Rows are (user, item, timestamp µs, value or None), sorted by user and timestamp."""
    frame = pd.DataFrame(rows, columns=["user_id", "item_id", "timestamp", "value"])
    ids = list(items)
    frame["item"] = [ids.index(i) if i in ids else -1 for i in frame["item_id"]]
    frame["event"] = "rating"
    frame["value"] = frame["value"].astype(np.float32)
    frame["window"] = np.where(frame["timestamp"] < cut, "train", "test")
    frame["profile_age"] = "30"
    heads = [task.name for task in tasks if task.kind != "retrieval"]
    sizes = Counts(users=0, items=len(ids), train=0, validation=0, test=0)
    prepared = Prepared(
        schema=1,
        kind="refresh",
        dataset="small",
        data_version="data/small",
        validation_cut=None,
        test_cut=cut,
        newest_event=int(frame["timestamp"].max()),
        tasks=list(tasks),
        heads=heads,
        profile_fields={"age": "number"},
        item_features={},
        counts=sizes,
    )
    return PreparedData(prepared, with_starts(frame), pd.DataFrame({"item_id": ids}))
