"""From accepted partitions to the prepared tables; pure."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pandas as pd

from pipelines.contracts.data import AcceptedManifest
from pipelines.contracts.model import Counts, Kind, Prepared
from pipelines.descriptors import Descriptor
from pipelines.errors import TooLittleData
from pipelines.params import SplitParams
from pipelines.prepare import features, histories, split, vocabulary


@dataclass(frozen=True)
class Partition:
    """An accepted table of one KEY."""

    manifest: AcceptedManifest
    frame: pd.DataFrame


@dataclass(frozen=True)
class Accepted:
    """All accepted partitions, by table."""

    interactions: Sequence[Partition]
    items: Sequence[Partition]
    users: Sequence[Partition]


@dataclass(frozen=True)
class Tables:
    """What `prepare` writes."""

    prepared: Prepared
    interactions: pd.DataFrame
    items: pd.DataFrame


def tables(
    accepted: Accepted, descriptor: Descriptor, split_params: SplitParams, kind: Kind
) -> Tables:
    """Joins, orders and cuts.

    Raises:
        TooLittleData: Nothing is accepted yet, or a window would be empty.
    """
    if not accepted.interactions or not accepted.items:
        raise TooLittleData(
            "no partition is accepted yet",
            where=["data"],
            hint="run `tandem ingest`, then validate",
        )
    joined = histories.in_order(_joined(accepted, descriptor))
    newest = joined["key"] == max(part.manifest.key for part in accepted.interactions)
    cuts = _cuts(joined["timestamp"].to_numpy(), newest.to_numpy(), split_params, kind)
    items = vocabulary.catalogue(_newest(accepted.items).frame)
    items = features.typed_items(items, descriptor.item_features)
    interactions = _interactions(joined, items, cuts)
    counts = _counts(interactions, len(items))
    prepared = _prepared(accepted, descriptor, cuts, counts, int(interactions["timestamp"].max()))
    return Tables(prepared, interactions, items)


def _joined(accepted: Accepted, descriptor: Descriptor) -> pd.DataFrame:
    """All interactions with their KEY, `timestamp` in microseconds, and their users' profiles."""
    frames = [part.frame.assign(key=part.manifest.key) for part in accepted.interactions]
    joined = pd.concat(frames, ignore_index=True)
    instants = pd.to_datetime(joined["timestamp"], utc=True).astype("datetime64[us, UTC]")
    joined["timestamp"] = instants.astype(np.int64)
    snapshots = [(part.manifest.key, part.frame) for part in accepted.users]
    profile = features.profiles(joined, snapshots, descriptor.profile_fields)
    return pd.concat([joined, profile], axis=1)


def _cuts(
    timestamps: split.Ints,
    newest: npt.NDArray[np.bool_],
    split_params: SplitParams,
    kind: Kind,
) -> split.Cuts:
    if kind == "recipe":
        return split.recipe_cuts(timestamps, split_params)
    return split.refresh_cuts(timestamps, timestamps[newest], split_params)


def _interactions(joined: pd.DataFrame, items: pd.DataFrame, cuts: split.Cuts) -> pd.DataFrame:
    starts = histories.starts(joined)
    columns = {
        "user_id": joined["user_id"],
        "item_id": joined["item_id"],
        "item": vocabulary.item_rows(joined["item_id"], items["item_id"]),
        "timestamp": joined["timestamp"],
        "event": joined["event"].astype(object),
        "value": joined["value"].astype(np.float32),
        "window": split.windows(joined["timestamp"].to_numpy(), cuts),
        "user_start": starts.user,
        "page_start": starts.page,
    }
    profile = joined[[name for name in joined.columns if name.startswith("profile_")]]
    return pd.concat([pd.DataFrame(columns), profile], axis=1)


def _counts(interactions: pd.DataFrame, n_items: int) -> Counts:
    sizes = interactions["window"].value_counts()
    return Counts(
        users=int(interactions["user_id"].nunique()),
        items=n_items,
        train=int(sizes.get(split.TRAIN, 0)),
        validation=int(sizes.get(split.VALIDATION, 0)),
        test=int(sizes.get(split.TEST, 0)),
    )


def _prepared(
    accepted: Accepted, descriptor: Descriptor, cuts: split.Cuts, counts: Counts, newest_event: int
) -> Prepared:
    manifests = [part.manifest for part in accepted.interactions]
    newest = max(manifests, key=lambda manifest: (manifest.sequence, manifest.key))
    return Prepared(
        schema=1,
        kind="refresh" if cuts.validation is None else "recipe",
        dataset=descriptor.name,
        data_version=newest.tag,
        validation_cut=cuts.validation,
        test_cut=cuts.test,
        newest_event=newest_event,
        tasks=descriptor.tasks,
        heads=descriptor.heads,
        profile_fields=descriptor.profile_fields,
        item_features=descriptor.item_features,
        repeats=descriptor.repeats,
        counts=counts,
    )


def _newest(partitions: Sequence[Partition]) -> Partition:
    return max(partitions, key=lambda part: part.manifest.key)
