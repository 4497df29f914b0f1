"""Where each interaction's history lies: rows in time order, and strictly earlier ones only.

Interactions of one user at one instant are a page. They never see each other: on real data most
events share their instant with others, and a history in file order leaks the answers.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pandas as pd

Positions = npt.NDArray[np.int32]

ORDER = ["user_id", "timestamp", "event_id"]


class Starts(NamedTuple):
    """A row's history is rows [user, page) of the sorted table."""

    user: Positions
    """The first row of the row's user."""
    page: Positions
    """The first row of the row's page."""


def in_order(interactions: pd.DataFrame) -> pd.DataFrame:
    """Sorted by user, instant and event_id, all three compared as what they are."""
    return interactions.sort_values(ORDER, kind="stable").reset_index(drop=True)


def starts(interactions: pd.DataFrame) -> Starts:
    """Where users and pages start.

    Args:
        interactions: Sorted by `in_order`.
    """
    users = interactions["user_id"].to_numpy(object)
    instants = interactions["timestamp"].to_numpy(np.int64)
    is_new_user = np.append(True, users[1:] != users[:-1])[: len(users)]
    is_new_page = is_new_user | np.append(True, instants[1:] != instants[:-1])[: len(users)]
    return Starts(_last_true(is_new_user), _last_true(is_new_page))


def _last_true(flags: npt.NDArray[np.bool_]) -> Positions:
    """For each row the nearest row at or before it whose flag is set."""
    rows = np.where(flags, np.arange(len(flags)), 0)
    return np.maximum.accumulate(rows).astype(np.int32)
