"""Requests to a model in the words of the tests: a history of item ids, whole windows."""

import numpy as np

from pipelines.models.artifact import Artifact
from pipelines.models.examples import Histories, Queries
from tests.world import SLATE, STEP_US, TEST_CUT, World

NOW = TEST_CUT


def ask(*histories: list[str], padding: int = 0, profile: tuple[str, str] = ("", "")) -> Queries:
    """One query per history: clicks a minute apart, the newest a minute before now."""
    length = max(map(len, histories)) + padding
    rows = [[""] * (length - len(history)) + history for history in histories]
    item_ids = np.array(rows, dtype=object).reshape(len(histories), length)
    is_padding = item_ids == ""
    ages = np.arange(length, 0, -1) * STEP_US
    return Queries(
        Histories(
            item_ids=item_ids,
            events=np.where(is_padding, "", "click").astype(object),
            values=np.full(item_ids.shape, np.nan, dtype=np.float32),
            timestamps=np.where(is_padding, 0, NOW - ages),
        ),
        np.array([profile] * len(histories), dtype=object),
        np.full(len(histories), NOW, dtype=np.int64),
    )


def unseen(world: World, rows: np.ndarray) -> np.ndarray:
    """[rows, items]: what each row's user had not chosen strictly before."""
    allow = np.ones((len(rows), len(world.data.items)), dtype=bool)
    for number, row in enumerate(rows):
        seen = world.data.item_rows[world.data.user_start[row] : world.data.page_start[row]]
        allow[number, seen] = False
    return allow


def slates_of(model: Artifact, world: World, rows: np.ndarray) -> np.ndarray:
    """[rows, SLATE]: the best unseen items at each row's moment."""
    queries = world.data.queries(rows, model.manifest.max_history, model.manifest.profile_fields)
    return model.recommend(queries, unseen(world, rows), SLATE).item_ids


def right_share(model: Artifact, world: World, window: str) -> float:
    """How often the slate holds the item that came, of the moments where something is asked."""
    rows = world.asked(window)
    return float((slates_of(model, world, rows) == wanted(world, rows)).any(axis=1).mean())


def wanted(world: World, rows: np.ndarray) -> np.ndarray:
    """[rows, 1]: the item that came."""
    return world.data.interactions["item_id"].to_numpy(object)[rows, None]


def scores_of(model: Artifact, queries: Queries, item_ids: list[str]) -> np.ndarray:
    """[queries, item_ids]."""
    wanted = np.array([item_ids] * len(queries.now), dtype=object)
    return model.rank(queries, wanted).scores
