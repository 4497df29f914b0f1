"""A small world whose answers are known: users walk along chains of items, one way.

Three groups of unequal size, each a chain A0 → A1 → A2 …; a walk goes on to the next item with
probability FOLLOW, else to one of the u unseen items of its group at random. So the best possible
slate of three, and how often it holds the right item, are known in closed form: where the chain
goes on, FOLLOW + (1 - FOLLOW) * min(3, u) / u. Around that:

- a decoy, the most popular item, which everybody chose until the cut and nobody after it;
- a fresh item that nobody has chosen before the cut and that looks like group beta;
- two items that nobody chose and that look alike: ties;
- group gamma, chosen as much as any, and disliked: choosing and liking disagree;
- switchers, whose taste changes from alpha to beta after SWITCH_AFTER events;
- ids in which text order is not number order, negative, with zeros in front, spaces, unicode.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from pipelines.contracts.model import Counts, Prepared
from pipelines.descriptors import AtLeast, BinaryTask, RegressionTask, RetrievalTask, Rule, Task
from pipelines.models.examples import INTERACTIONS, ITEMS, PREPARED, PreparedData
from pipelines.params import Params
from pipelines.storage import write_record, write_table

ALPHA = [
    "9",
    "10",
    "100",
    "007",
    "-7",
    "-9223372036854775807",
    "a b",
    "żółw",
    "日本",
    "x" * 40,
    "0",
    "~",
]
BETA = [f"beta {step}" for step in range(8)]
GAMMA = [f"gamma/{step}" for step in range(5)]
GROUPS = {"alpha": ALPHA, "beta": BETA, "gamma": GAMMA}
SHARES = {"alpha": 0.45, "beta": 0.25, "gamma": 0.15, "switcher": 0.15}
WALK = {"alpha": 7, "beta": 5, "gamma": 4, "switcher": 8}
SWITCH_AFTER = 4
DECOY, FRESH, TIED = "decoy", "fresh beta", ["tie 1", "tie 2"]

FOLLOW = 0.85
SLATE = 3
"""Items of a slate that is right when it holds the next item."""
USERS_PER_DAY = 6
TRAIN_DAYS, VALIDATION_DAYS, TEST_DAYS = 80, 10, 10
DAY_US, STEP_US = 86_400_000_000, 60_000_000
START_US = 1_000_000_000_000_000
VALIDATION_CUT = START_US + TRAIN_DAYS * DAY_US
TEST_CUT = VALIDATION_CUT + VALIDATION_DAYS * DAY_US

CLICK = RetrievalTask(name="click", kind="retrieval", positive=Rule(event="click"))
TASKS: list[Task] = [
    CLICK,
    BinaryTask(name="like", kind="binary", label=Rule(value=AtLeast(at_least=4.0))),
    RegressionTask(name="stars", kind="regression", label="value"),
]


@dataclass(frozen=True)
class World:
    """Prepared data, and what the best possible model would reach on it.

    Args:
        data: As `prepare` would hand it over.
        chance: [interactions] how probable it is that the best slate is right; NaN where nothing
            is asked: a user's first event, the switch, the decoy, the fresh item.
    """

    data: PreparedData
    chance: np.ndarray

    def asked(self, window: str) -> np.ndarray:
        """Rows of the window where a right answer is defined."""
        rows = self.data.window(window)
        return rows[np.isfinite(self.chance[rows])]

    def ceiling(self, window: str) -> float:
        """How often the oracle's slate is right."""
        return float(self.chance[self.asked(window)].mean())

    def floor(self, window: str) -> float:
        """How often popularity's slate is right; its first item, the decoy, never is."""
        items, rows = self.data.item_rows, self.asked(window)
        counts = np.bincount(items[self.data.window("train")], minlength=len(self.data.items))
        assert self.data.item_ids[int(counts.argmax())] == DECOY
        best = np.argsort(-counts, kind="stable")
        starts, pages = self.data.user_start, self.data.page_start
        slates = [best[~np.isin(best, items[starts[r] : pages[r]])][:SLATE] for r in rows]
        return float(
            np.mean([items[row] in slate for row, slate in zip(rows, slates, strict=True)])
        )

    def write(self, folder: Path) -> Path:
        """Writes the prepared folder."""
        write_table(folder / INTERACTIONS, self.data.interactions)
        write_table(folder / ITEMS, self.data.items)
        write_record(folder / PREPARED, self.data.prepared)
        return folder


def make_world(seed: int = 1) -> World:
    """The same world for the same seed."""
    random = np.random.default_rng(seed)
    days = TRAIN_DAYS + VALIDATION_DAYS + TEST_DAYS
    events = [
        row
        for number in range(days * USERS_PER_DAY)
        for row in _walk(random, f"p1_{number:032x}", START_US + number * DAY_US // USERS_PER_DAY)
    ]
    frame = pd.DataFrame(events).sort_values(["user_id", "timestamp"], kind="stable")
    frame = frame.reset_index(drop=True)
    items = _items()
    rows = {item_id: row for row, item_id in enumerate(items["item_id"])}
    frame.insert(2, "item", frame["item_id"].map(rows).astype(np.int32))
    chance = frame.pop("chance").to_numpy(np.float64)
    return World(PreparedData(_prepared(frame, items), with_starts(frame), items), chance)


def with_starts(frame: pd.DataFrame) -> pd.DataFrame:
    """Adds `user_start` and `page_start` to sorted interactions."""
    position = pd.Series(np.arange(len(frame)), index=frame.index)
    users = position.groupby(frame["user_id"]).transform("min")
    pages = position.groupby([frame["user_id"], frame["timestamp"]]).transform("min")
    return frame.assign(user_start=users.astype(np.int32), page_start=pages.astype(np.int32))


def world_params(*overrides: str) -> Params:
    """params.yaml, scaled to a world with a thousandth of the events; not tuned on a model."""
    small = (
        "cf.l2=5.0",
        "multitask.embedding_dim=64",
        "multitask.memory_l2=5.0",
        "multitask.batch_pages=64",
        "multitask.max_epochs=16",
    )
    return Params.load(Path("params.yaml"), (*small, *overrides))


def _walk(random: np.random.Generator, user_id: str, start: int) -> Iterator[dict[str, object]]:
    """One user's events, a minute apart: never two at one instant."""
    taste = str(random.choice(list(SHARES), p=list(SHARES.values())))
    is_train = start < VALIDATION_CUT
    decoy_at = int(random.integers(1, WALK[taste])) if is_train else -1
    profile = {"profile_age": str(random.integers(18, 80)), "profile_segment": _segment(random)}
    seen: list[str] = []
    clock, position = start, -1
    for step in range(WALK[taste]):
        group = _group(taste, step)
        item_id, chance = _next(random, group, seen, step, is_new=position != _group_id(group))
        position = _group_id(group)
        seen.append(item_id)
        for chosen, known in _with_decoy(item_id, chance, step == decoy_at):
            value = _value(random, group if chosen != DECOY else DECOY)
            yield _row(user_id, chosen, clock, value, known, profile, is_train)
            clock += STEP_US
    if not is_train and taste == "beta":
        value = _value(random, "beta")
        yield _row(user_id, FRESH, clock, value, np.nan, profile, is_train)


def _with_decoy(item_id: str, chance: float, with_decoy: bool) -> Iterator[tuple[str, float]]:
    if with_decoy:
        yield DECOY, np.nan
    yield item_id, chance


def _group(taste: str, step: int) -> str:
    if taste != "switcher":
        return taste
    return "alpha" if step < SWITCH_AFTER else "beta"


def _group_id(group: str) -> int:
    return list(GROUPS).index(group)


def _next(
    random: np.random.Generator, group: str, seen: list[str], step: int, is_new: bool
) -> tuple[str, float]:
    """The next item, and how probable it was that the best slate holds it."""
    chain = GROUPS[group]
    unseen = [item_id for item_id in chain if item_id not in seen]
    if is_new:
        return chain[int(random.integers(0, len(chain) - WALK[group] + 1))], np.nan
    place = chain.index(seen[-1]) + 1
    by_luck = min(SLATE, len(unseen)) / len(unseen)
    if place == len(chain) or chain[place] in seen:
        return str(random.choice(unseen)), by_luck
    chance = FOLLOW + (1.0 - FOLLOW) * by_luck
    return chain[place] if random.random() < FOLLOW else str(random.choice(unseen)), chance


def _value(random: np.random.Generator, group: str) -> float:
    """Stars: gamma is disliked by all who choose it, the rest is liked; a fifth give none."""
    if random.random() < 0.2:
        return float("nan")
    low, high = {"gamma": (1, 2), DECOY: (3, 3)}.get(group, (4, 5))
    return float(random.integers(low, high + 1))


def _segment(random: np.random.Generator) -> str:
    return str(random.choice(["", "new", "regular"]))


def _row(
    user_id: str,
    item_id: str,
    timestamp: int,
    value: float,
    chance: float,
    profile: dict[str, str],
    is_train: bool,
) -> dict[str, object]:
    later = "validation" if timestamp < TEST_CUT else "test"
    return {
        "user_id": user_id,
        "item_id": item_id,
        "timestamp": timestamp,
        "event": "click",
        "value": np.float32(value),
        "window": "train" if is_train else later,
        **profile,
        "chance": chance,
    }


def _items() -> pd.DataFrame:
    kinds = {item_id: group for group, ids in GROUPS.items() for item_id in ids}
    kinds |= {DECOY: "decoy", FRESH: "beta"} | dict.fromkeys(TIED, "other")
    ids = sorted(kinds)
    return pd.DataFrame(
        {
            "item_id": ids,
            "title": [f"The {item_id}" for item_id in ids],
            "kind": [kinds[item_id] for item_id in ids],
            "labels": [[kinds[item_id], "all"] for item_id in ids],
            "weight": np.array([len(kinds[item_id]) for item_id in ids], dtype=np.float32),
        }
    )


def _prepared(frame: pd.DataFrame, items: pd.DataFrame) -> Prepared:
    sizes = frame["window"].value_counts()
    return Prepared(
        schema=1,
        kind="recipe",
        dataset="world",
        data_version="data/world",
        validation_cut=VALIDATION_CUT,
        test_cut=TEST_CUT,
        newest_event=int(frame["timestamp"].max()),
        tasks=TASKS,
        heads=["like", "stars"],
        profile_fields={"age": "number", "segment": "category"},
        item_features={"title": "text", "kind": "category", "labels": "tags", "weight": "number"},
        counts=Counts(
            users=frame["user_id"].nunique(),
            items=len(items),
            train=int(sizes["train"]),
            validation=int(sizes["validation"]),
            test=int(sizes["test"]),
        ),
    )
