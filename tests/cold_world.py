"""A world of new arrivals, in which only what an item is like says who will choose it.

Four genres, each told by another kind of feature: a tag, a category, a word of the title, the year.
Everybody goes through the old items of one genre, which they like, then through some of another,
which they dislike; then, after the cut, they choose new items of the genre that they like, at
random. Nobody has chosen a new item before the cut, so popularity and co-occurrence know nothing of
it; the decoy is the most popular item and never right. The best slate of three holds the right one
of u unseen new items with a chance of min(3, u) / u.
"""

from collections.abc import Iterator

import numpy as np
import pandas as pd

from pipelines.contracts.model import Counts, Prepared
from pipelines.models.examples import PreparedData
from pipelines.params import Params
from tests.world import (
    DAY_US,
    DECOY,
    SLATE,
    START_US,
    STEP_US,
    TASKS,
    World,
    with_starts,
    world_params,
)

GENRES = ("western", "noir", "planet", "silent")
"""By a tag, by a category, by a word of the title, by the year."""
OLD, NEW = 4, 6
DISLIKED = 3
CHOSEN = 3
"""New items of each user after the cut."""
TRAIN_DAYS, TEST_DAYS = 60, 40
USERS_PER_DAY = 2
CUT = START_US + TRAIN_DAYS * DAY_US
LIKED_VALUE, DISLIKED_VALUE = 5.0, 1.0


def old_items(genre: str) -> list[str]:
    """Items that were there before the cut."""
    return [f"{genre} {number}" for number in range(OLD)]


def new_items(genre: str) -> list[str]:
    """Items that nobody chose before the cut."""
    return [f"new {genre} {number}" for number in range(NEW)]


def make_cold_world(seed: int = 1) -> World:
    """The same world for the same seed."""
    random = np.random.default_rng(seed)
    users = range((TRAIN_DAYS + TEST_DAYS) * USERS_PER_DAY)
    rows = [row for number in users for row in _events(random, number)]
    frame = pd.DataFrame(rows).sort_values(["user_id", "timestamp"], kind="stable")
    frame = frame.reset_index(drop=True)
    items = _items()
    places = {item_id: place for place, item_id in enumerate(items["item_id"])}
    frame.insert(2, "item", frame["item_id"].map(places).astype(np.int32))
    chance = frame.pop("chance").to_numpy(np.float64)
    return World(PreparedData(_prepared(frame, items), with_starts(frame), items), chance)


def cold_params() -> Params:
    """What this world says of fields: that all kinds count alike, and that a dislike is one."""
    return world_params(
        "content.kind_weights={category: 1.0, tags: 1.0, number: 1.0, text: 1.0}",
        "content.disliked_weight=-0.5",
        "content.prior_weight=0.1",
    )


def _events(random: np.random.Generator, number: int) -> Iterator[dict[str, object]]:
    start = START_US + number * DAY_US // USERS_PER_DAY
    liked, disliked = random.choice(GENRES, 2, replace=False)
    walk = [(item_id, LIKED_VALUE) for item_id in random.permutation(old_items(liked))]
    if start < CUT:
        walk.insert(int(random.integers(len(walk))), (DECOY, LIKED_VALUE))
    walk += [(i, DISLIKED_VALUE) for i in random.permutation(old_items(disliked))[:DISLIKED]]
    chances = [np.nan] * len(walk)
    if start >= CUT:
        walk += [
            (item_id, LIKED_VALUE) for item_id in random.permutation(new_items(liked))[:CHOSEN]
        ]
        chances += [min(SLATE, NEW - place) / (NEW - place) for place in range(CHOSEN)]
    for place, ((item_id, value), chance) in enumerate(zip(walk, chances, strict=True)):
        yield {
            "user_id": f"p1_{number:032x}",
            "item_id": str(item_id),
            "timestamp": start + place * STEP_US,
            "event": "click",
            "value": np.float32(value),
            "window": "train" if start < CUT else "test",
            "chance": chance,
        }


def _items() -> pd.DataFrame:
    genres = {item_id: g for g in GENRES for item_id in [*old_items(g), *new_items(g)]}
    genres[DECOY] = "decoy"
    ids = sorted(genres)
    return pd.DataFrame(
        {
            "item_id": ids,
            "title": ["The lost planet" if genres[i] == "planet" else "The 7" for i in ids],
            "kind": ["noir" if genres[i] == "noir" else "" for i in ids],
            "labels": [["western", "all"] if genres[i] == "western" else ["all"] for i in ids],
            "year": np.array([1920 if genres[i] == "silent" else 1990 for i in ids], np.float32),
        }
    )


def _prepared(frame: pd.DataFrame, items: pd.DataFrame) -> Prepared:
    sizes = frame["window"].value_counts()
    return Prepared(
        schema=1,
        kind="refresh",
        dataset="cold-world",
        data_version="data/cold-world",
        validation_cut=None,
        test_cut=CUT,
        newest_event=int(frame["timestamp"].max()),
        tasks=TASKS,
        heads=["like", "stars"],
        profile_fields={},
        item_features={"title": "text", "kind": "category", "labels": "tags", "year": "number"},
        counts=Counts(
            users=frame["user_id"].nunique(),
            items=len(items),
            train=int(sizes["train"]),
            validation=0,
            test=int(sizes["test"]),
        ),
    )
