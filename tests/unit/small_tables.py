"""Prepared tables from a few hand-written interactions, and a model with a fixed order."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from pipelines.contracts.model import Counts, Prepared
from pipelines.descriptors import AtLeast, BinaryTask, RegressionTask, RetrievalTask, Rule
from pipelines.models.artifact import Manifest, Slates
from pipelines.models.examples import PreparedData, Queries
from pipelines.prepare import histories, split, vocabulary

TASKS = [
    RetrievalTask(name="watch", kind="retrieval", positive=Rule(event="rating")),
    BinaryTask(name="like", kind="binary", label=Rule(value=AtLeast(at_least=4.0))),
    RegressionTask(name="rating", kind="regression", label="value"),
]


def make_data(
    rows: Sequence[tuple[str, int, str, float]],
    items: Sequence[str],
    validation_cut: int | None,
    test_cut: int,
) -> PreparedData:
    """Prepared data of (user, instant, item, value) rows, as `prepare` would write them."""
    frame = pd.DataFrame(rows, columns=["user_id", "timestamp", "item_id", "value"])
    frame["event_id"] = [f"{number:04d}" for number in range(len(frame))]
    frame = histories.in_order(frame)
    starts = histories.starts(frame)
    cuts = split.Cuts(validation_cut, test_cut)
    catalogue = pd.DataFrame({"item_id": sorted(items)})
    interactions = pd.DataFrame(
        {
            "user_id": frame["user_id"],
            "item_id": frame["item_id"],
            "item": vocabulary.item_rows(frame["item_id"], catalogue["item_id"]),
            "timestamp": frame["timestamp"],
            "event": "rating",
            "value": frame["value"].astype(np.float32),
            "window": split.windows(frame["timestamp"].to_numpy(), cuts),
            "user_start": starts.user,
            "page_start": starts.page,
            "profile_gender": frame["user_id"].map(
                lambda user: "F" if user < "c" or user.endswith(("1", "3")) else "M"
            ),
        }
    )
    return PreparedData(make_prepared(interactions, len(catalogue), cuts), interactions, catalogue)


def make_prepared(interactions: pd.DataFrame, n_items: int, cuts: split.Cuts) -> Prepared:
    """The record beside the tables."""
    sizes = interactions["window"].value_counts()
    return Prepared(
        schema=1,
        kind="recipe" if cuts.validation is not None else "refresh",
        dataset="small",
        data_version="data/2001-01-01",
        validation_cut=cuts.validation,
        test_cut=cuts.test,
        newest_event=int(interactions["timestamp"].max()),
        tasks=TASKS,
        heads=["like", "rating"],
        profile_fields={"gender": "category"},
        item_features={},
        counts=Counts(
            users=int(interactions["user_id"].nunique()),
            items=n_items,
            train=int(sizes.get("train", 0)),
            validation=int(sizes.get("validation", 0)),
            test=int(sizes.get("test", 0)),
        ),
    )


def make_manifest(item_ids: Sequence[str], family: str = "cf") -> Manifest:
    """A manifest of a model that nobody fitted."""
    return Manifest(
        schema=1,
        family=family,
        item_ids=list(item_ids),
        tasks=TASKS,
        heads=["like", "rating"],
        task_weights=[1.0, 0.0, 0.0],
        profile_fields=["gender"],
        max_history=50,
        params={},
        data_version="data/2001-01-01",
        fit_until=1,
        code_digest="0" * 64,
        files={},
    )


class Answer:
    """What `rank` returns."""

    def __init__(self, scores: np.ndarray, predictions: np.ndarray) -> None:
        self.scores, self.predictions = scores, predictions


class FixedOrder:
    """A model that recommends its items in manifest order and predicts what it is told.

    Args:
        item_ids: Best first.
        predictions: By item, one figure per head.
        ignores_mask: Whether it recommends excluded items too.
    """

    def __init__(
        self,
        item_ids: Sequence[str],
        predictions: Mapping[str, tuple[float, float]] | None = None,
        ignores_mask: bool = False,
    ) -> None:
        self.manifest = make_manifest(item_ids)
        self.predictions = predictions or {}
        self.ignores_mask = ignores_mask
        self.asked: list[Queries] = []

    def recommend(self, queries: Queries, allow: np.ndarray | None, k: int) -> Slates:
        self.asked.append(queries)
        item_ids = np.full((len(queries.now), k), "", dtype=object)
        scores = np.full((len(queries.now), k), -np.inf, dtype=np.float32)
        for row in range(len(queries.now)):
            is_free = allow is None or self.ignores_mask
            allowed = range(len(self.manifest.item_ids)) if is_free else np.flatnonzero(allow[row])
            for place, item in enumerate(list(allowed)[:k]):
                item_ids[row, place], scores[row, place] = self.manifest.item_ids[item], -place
        return Slates(item_ids, scores, np.zeros((*scores.shape, 2), dtype=np.float32))

    def rank(self, queries: Queries, item_ids: np.ndarray) -> Answer:
        nothing = (np.nan, np.nan)
        predictions = [[self.predictions.get(item, nothing) for item in row] for row in item_ids]
        return Answer(np.zeros(item_ids.shape), np.array(predictions, dtype=np.float32))
