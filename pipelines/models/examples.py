"""What models learn from and are asked: prepared tables as arrays, histories and pages.

The history of an interaction is what its user had done strictly before. Interactions of one user
at one instant are a page: they never see each other.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.contracts.model import Prepared
from pipelines.storage import read_record, read_table

Ints = npt.NDArray[np.int64]
Texts = npt.NDArray[np.object_]
Floats = npt.NDArray[np.float32]

INTERACTIONS = "interactions.parquet"
ITEMS = "items.parquet"
PREPARED = "prepared.json"
UNKNOWN = ""
"""A profile field of which nothing is known."""
MIN_SHARING_USERS = 5
"""A profile value that fewer users carry counts as unknown: a model names nobody."""


@dataclass(frozen=True)
class Histories:
    """Histories as the signatures take them: [batch, history], oldest first, padded in front."""

    item_ids: Texts
    """"" where padded."""
    events: Texts
    values: Floats
    """NaN where there is none."""
    timestamps: Ints
    """Microseconds; 0 where padded."""


@dataclass(frozen=True)
class Queries:
    """Whom and when we recommend for, one row each."""

    histories: Histories
    profile: Texts
    """[batch, profile fields] in the manifest's order; "" = unknown."""
    now: Ints
    """[batch], microseconds."""

    def take(self, rows: Ints) -> "Queries":
        """Some of the queries."""
        past = self.histories
        histories = Histories(
            past.item_ids[rows], past.events[rows], past.values[rows], past.timestamps[rows]
        )
        return Queries(histories, self.profile[rows], self.now[rows])


@dataclass(frozen=True)
class Pages:
    """Interactions of one user at one instant, [pages] each; rows `start` to `end` - 1."""

    user_start: Ints
    start: Ints
    end: Ints


@dataclass(frozen=True)
class PreparedData:
    """The output of `prepare`, loaded.

    Args:
        prepared: What `prepare` says about the tables.
        interactions: Sorted by user, timestamp, event_id; columns as `prepare` writes them.
        items: The newest snapshot, sorted by item_id as text.
    """

    prepared: Prepared
    interactions: pd.DataFrame
    items: pd.DataFrame

    @classmethod
    def load(cls, folder: Path) -> "PreparedData":
        """Reads `data/prepared/` or a folder like it."""
        return cls(
            read_record(folder / PREPARED, Prepared),
            read_table(folder / INTERACTIONS),
            read_table(folder / ITEMS),
        )

    @cached_property
    def item_ids(self) -> list[str]:
        """The catalogue, in text order."""
        return [str(item_id) for item_id in self.items["item_id"]]

    @cached_property
    def chosen_ids(self) -> Texts:
        """Each interaction's item."""
        return self.interactions["item_id"].to_numpy(object)

    @cached_property
    def item_rows(self) -> Ints:
        """Each interaction's row in the catalogue; -1 = not in it."""
        return self.interactions["item"].to_numpy(np.int64)

    @cached_property
    def timestamps(self) -> Ints:
        """Each interaction's instant, microseconds."""
        return self.interactions["timestamp"].to_numpy(np.int64)

    @cached_property
    def events(self) -> Texts:
        """Each interaction's kind."""
        return self.interactions["event"].to_numpy(object)

    @cached_property
    def values(self) -> Floats:
        """Each interaction's value; NaN = none."""
        return self.interactions["value"].to_numpy(np.float32)

    @cached_property
    def user_start(self) -> Ints:
        """The first row of each interaction's user."""
        return self.interactions["user_start"].to_numpy(np.int64)

    @cached_property
    def page_start(self) -> Ints:
        """The first row of each interaction's page; its history ends before that row."""
        return self.interactions["page_start"].to_numpy(np.int64)

    @cached_property
    def profile(self) -> Texts:
        """[interactions, profile fields]: who the user was at that moment; "" = unknown."""
        columns = [f"profile_{field}" for field in self.prepared.profile_fields]
        return self.interactions[columns].to_numpy(object)

    def rows(self, start: int | None = None, end: int | None = None) -> Ints:
        """Rows with `start` <= timestamp < `end` (microseconds); None = no bound."""
        inside = np.ones(len(self.timestamps), dtype=bool)
        if start is not None:
            inside &= self.timestamps >= start
        if end is not None:
            inside &= self.timestamps < end
        return np.flatnonzero(inside)

    def last_instant(self, end: int) -> int:
        """The last instant before `end` at which something happened, microseconds."""
        return int(self.timestamps[self.rows(end=end)].max())

    def window(self, name: str) -> Ints:
        """Rows of the window `train`, `validation` or `test`."""
        return np.flatnonzero((self.interactions["window"] == name).to_numpy())

    def pages(self, rows: Ints) -> Pages:
        """The pages of whole windows' rows, in the order of the table."""
        starts, counts = np.unique(self.page_start[rows], return_counts=True)
        return Pages(self.user_start[starts], starts, starts + counts)

    def history_rows(self, rows: Ints, max_history: int) -> Ints:
        """[rows, history] positions of the newest strictly earlier interactions; -1 = padding."""
        ends, starts = self.page_start[rows], self.user_start[rows]
        longest = int((ends - starts).max(initial=0))
        offsets = np.arange(-min(longest, max_history), 0)
        positions = ends[:, None] + offsets[None, :]
        return np.where(positions >= starts[:, None], positions, -1)

    def histories(self, rows: Ints, max_history: int) -> Histories:
        """What each row's user had done strictly before it, at most the newest `max_history`."""
        positions = self.history_rows(rows, max_history)
        is_padding = positions < 0
        return Histories(
            item_ids=np.where(is_padding, "", self.chosen_ids[positions]),
            events=np.where(is_padding, "", self.events[positions]),
            values=np.where(is_padding, np.float32(np.nan), self.values[positions]),
            timestamps=np.where(is_padding, 0, self.timestamps[positions]),
        )

    def queries(self, rows: Ints, max_history: int, fields: Sequence[str]) -> Queries:
        """The request that each row's moment would have sent.

        Args:
            rows: One query each.
            max_history: The asked model's.
            fields: The asked model's profile fields; what the tables lack is unknown.
        """
        own, profile = list(self.prepared.profile_fields), self.profile[rows]
        asked = np.full((len(rows), len(fields)), UNKNOWN, dtype=object)
        for place, field in enumerate(fields):
            if field in own:
                asked[:, place] = profile[:, own.index(field)]
        return Queries(self.histories(rows, max_history), asked, self.timestamps[rows])
