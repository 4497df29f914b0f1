"""From landed text to frames that expectations can judge: strict casts, nothing repaired.

In every frame *null means: not judged here*. A broken line has null in all columns but `fault`, so
that it is refused for one reason, its own; an empty id is `""`, which a check refuses by length.
"""

import unicodedata
from collections import Counter
from typing import Any

import numpy as np
import pandas as pd

from pipelines import timeline
from pipelines.descriptors import Entities, Feature, Interactions

FAULT = "fault"
CONTENT = ["user_id", "item_id", "timestamp", "event", "value"]
_COMMA = r"\s*[+-]?[\d.]*,\d+\s*"
_NOT_FINITE = r"(?i)[+-]?(nan|inf|infinity)"


def interactions(
    text: pd.DataFrame, table: Interactions, item_ids: set[str], user_ids: set[str] | None
) -> pd.DataFrame:
    """The interactions to judge, one row per landed row, in its order.

    Args:
        text: Landed interactions.
        table: Their unit and scale.
        item_ids: The ids of the items snapshot.
        user_ids: The ids of the users snapshot; None: there is none, every user is known.

    Returns:
        Columns user_id, item_id, timestamp (float64 µs), event, value (float64), event_id, fault,
        and what was measured about each row: is_time, value_kind, has_comma, copies, is_conflict,
        user_events, is_item_known, is_user_known.
    """
    text = text.mask(text.isin(table.missing), "") if table.missing else text
    intact = (text[FAULT] == "").to_numpy()
    frame = text[[FAULT, "user_id", "item_id", "event"]].copy()
    times = timeline.to_micros(text["timestamp"], table.timestamp_unit, table.timezone)
    frame["timestamp"] = times
    frame["is_time"] = frame["timestamp"].notna().astype(object)
    values = text["value"] if "value" in text else pd.Series("", index=text.index, dtype="str")
    frame["value"] = timeline.to_numbers(values, table.decimal)
    frame["value_kind"] = _value_kinds(values, frame["value"])
    frame["has_comma"] = values.str.fullmatch(_COMMA).astype(object)
    frame["event_id"] = text.get("event_id", "")
    content = frame.loc[intact, [*CONTENT, "event_id"]]
    frame["copies"] = content.groupby(list(content), dropna=False, sort=False).cumcount()
    frame["is_conflict"] = _conflicts(content).astype(object)
    frame["user_events"] = content.groupby("user_id")["user_id"].transform("size")
    frame["is_item_known"] = _known(frame["item_id"], item_ids)
    frame["is_user_known"] = True if user_ids is None else _known(frame["user_id"], user_ids)
    return _hide_broken(frame, intact)


def entities(text: pd.DataFrame, table: Entities, id_column: str) -> pd.DataFrame:
    """The items or users to judge, one row per landed row, in its order.

    Returns:
        Columns `id_column`, the features as text (null = missing), fault, copies, is_conflict.
    """
    intact = (text[FAULT] == "").to_numpy()
    names = [feature.name for feature in table.features]
    frame = pd.DataFrame({FAULT: text[FAULT], id_column: text[id_column]})
    for feature in table.features:
        known = text[feature.name]
        frame[feature.name] = known.where(~known.isin(["", *feature.missing]), None)
    content = text.loc[intact, [id_column, *names]]
    frame["copies"] = content.groupby(list(content), sort=False).cumcount()
    ids = content.drop_duplicates()[id_column]
    conflicting = ids[ids.duplicated(keep=False) & (ids != "")]
    frame["is_conflict"] = content[id_column].isin(conflicting).astype(object)
    return _hide_broken(frame, intact)


def features(frame: pd.DataFrame, table: Entities) -> pd.DataFrame:
    """The features of judged entities with their types: what cannot be read is missing.

    Tags become list<str>, numbers float32, times timestamp[us, UTC], text and categories str with
    "" for missing.
    """
    return pd.DataFrame({f.name: _typed(frame[f.name], f) for f in table.features})


def lookalikes(ids: "pd.Series[str]") -> int:
    """How many distinct ids turn into another one under Unicode normalisation (NFKC)."""
    unusual = [value for value in ids.dropna().unique() if not value.isascii()]
    folded = {value: unicodedata.normalize("NFKC", value) for value in unusual}
    known, twins = set(ids.dropna().unique()), Counter(folded.values())
    return sum(f != v and (f in known or twins[f] > 1) for v, f in folded.items())


def id_crossing(frame: pd.DataFrame, items: set[str], users: set[str] | None) -> float | None:
    """Share of rows whose ids fit with user and item swapped, less those that fit as they are."""
    if users is None or frame.empty:
        return None
    user_ids, item_ids = frame["user_id"], frame["item_id"]
    straight = (user_ids.isin(users) & item_ids.isin(items)).mean()
    crossed = (user_ids.isin(items) & item_ids.isin(users)).mean()
    return float(crossed - straight)


def _value_kinds(texts: "pd.Series[str]", numbers: "pd.Series[float]") -> "pd.Series[str]":
    kinds = np.where(np.isfinite(numbers), "number", "text")
    not_finite = np.isinf(numbers) | texts.str.fullmatch(_NOT_FINITE).to_numpy(dtype=bool)
    kinds = np.where(not_finite, "not-finite", kinds)
    return pd.Series(np.where(texts == "", "missing", kinds), index=texts.index, dtype="str")


def _conflicts(content: pd.DataFrame) -> "pd.Series[bool]":
    """Rows whose own event_id stands for several contents."""
    given = content["event_id"] != ""
    ids = content[given].drop_duplicates()["event_id"]
    return content["event_id"].isin(ids[ids.duplicated(keep=False)])


def _known(ids: "pd.Series[str]", snapshot: set[str]) -> "pd.Series[Any]":
    """Whether each id is in the snapshot; an empty id is another check's business."""
    return (ids.isin(snapshot) | (ids == "")).astype(object)


def _hide_broken(frame: pd.DataFrame, intact: "np.ndarray") -> pd.DataFrame:
    hidden = frame.drop(columns=FAULT).where(pd.Series(intact, index=frame.index), None)
    return hidden.assign(**{FAULT: frame[FAULT]}).reset_index(drop=True)


def _typed(texts: "pd.Series[str]", feature: Feature) -> "pd.Series[Any]":
    filled = texts.fillna("").astype("str")
    if feature.kind == "number":
        return pd.Series(timeline.to_numbers(filled), index=texts.index).astype("float32")
    if feature.kind == "timestamp":
        moments = pd.Series(timeline.to_micros(filled, "iso8601"), index=texts.index)
        return pd.to_datetime(moments, unit="us", utc=True).astype("datetime64[us, UTC]")
    if feature.kind == "tags":
        import pyarrow as pa

        tags = [[t for t in cell.split(feature.separator) if t] for cell in filled]
        return pd.Series(tags, index=texts.index, dtype=pd.ArrowDtype(pa.list_(pa.string())))
    return filled
