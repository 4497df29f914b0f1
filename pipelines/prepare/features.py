"""Features in the form that models read: items by kind, and users as they were at each event."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from pipelines.descriptors import FeatureKind, as_text

UNKNOWN = ""


def typed_items(items: pd.DataFrame, kinds: Mapping[str, FeatureKind]) -> pd.DataFrame:
    """`item_id` and its features, each in the form of its kind.

    Tags are lists, numbers float32, times microseconds since 1970, categories and texts text. A
    missing text is "", a missing number or time NaN, missing tags an empty list.
    """
    columns: dict[str, Any] = {"item_id": items["item_id"].astype(str)}
    for name, kind in kinds.items():
        columns[name] = _typed(items[name], kind)
    return pd.DataFrame(columns)


def profiles(
    interactions: pd.DataFrame,
    snapshots: Sequence[tuple[str, pd.DataFrame]],
    kinds: Mapping[str, FeatureKind],
) -> pd.DataFrame:
    """What was known of each interaction's user by then, as text; "" = unknown.

    A snapshot belongs to a partition: an event reads the newest one of its own partition or of an
    earlier one in which its user occurs.

    Args:
        interactions: Columns `user_id` and `key`, the partition's KEY (KEYs sort in time order).
        snapshots: Pairs of KEY and users, one row per user.
        kinds: Kind by field.

    Returns:
        One column `profile_FIELD` per field, rows as in `interactions`.
    """
    names = [f"profile_{field}" for field in kinds]
    profile = pd.DataFrame(UNKNOWN, index=interactions.index, columns=names, dtype=object)
    for key, users in sorted(snapshots, key=lambda pair: pair[0]):
        known = users.drop_duplicates("user_id").set_index("user_id")
        later = (interactions["key"] >= key) & interactions["user_id"].isin(known.index)
        who = interactions.loc[later, "user_id"]
        for field, kind in kinds.items():
            texts = known[field].map(lambda value, kind=kind: as_text(value, kind))
            profile.loc[later, f"profile_{field}"] = who.map(texts)
    return profile


def _typed(column: pd.Series, kind: FeatureKind) -> Any:
    if kind == "tags":
        return [_tags(value) for value in column]
    if kind == "number":
        return column.astype(np.float32)
    if kind == "timestamp":
        return pd.to_datetime(column, utc=True).astype("int64").where(column.notna(), math.nan)
    return column.map(lambda value: UNKNOWN if pd.isna(value) else str(value)).astype(object)


def _tags(value: Any) -> list[str]:
    is_missing = value is None or (isinstance(value, float) and math.isnan(value))
    return [] if is_missing else [str(tag) for tag in value]
