"""Behavioural tests from behaviours.yaml: change a request, and say how the answer may change.

The kinds of cases follow Ribeiro et al. (2020), "Beyond Accuracy": invariance, directional
expectation, and minimum functionality.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Protocol

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from pipelines.gate.probe import ask, blanked, forbidden, telling
from pipelines.measures.asking import Asked, Bools
from pipelines.models.examples import Floats, Histories, Ints, PreparedData, Queries, Texts
from pipelines.sections import Positive, Share
from pipelines.yaml_records import read_yaml, refused

FILE = Path("behaviours.yaml")
MINUTE_US = 60_000_000
SMALL = 1e-6


class _Case(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)

    name: Annotated[str, Field(pattern=r"^[a-z0-9_]+$")]
    families: list[str] | None = None
    """Those that promise it; None = all."""


class SameRequest(_Case):
    """The same request twice: the same slate."""

    kind: Literal["same_request"]
    requests: Positive


class LikedItem(_Case):
    """A liked item is added to histories: its nearest neighbours, as a group, must not sink."""

    kind: Literal["liked_item"]
    requests: Positive
    neighbours: Positive
    value: float | None = None
    """What the added event says; None = nothing."""


class ReversedHistory(_Case):
    """Histories are turned round: slates must change."""

    kind: Literal["reversed_history"]
    requests: Positive
    min_changed: Share


class UnknownUser(_Case):
    """No history and no profile: a full slate with finite scores."""

    kind: Literal["unknown_user"]


class BlockedItems(_Case):
    """The best items of a slate are blocked: none is shown, and others fill the slate."""

    kind: Literal["blocked_items"]
    requests: Positive
    blocked: Positive


BehaviourCase = Annotated[
    SameRequest | LikedItem | ReversedHistory | UnknownUser | BlockedItems,
    Field(discriminator="kind"),
]


class Behaviours(BaseModel):
    """behaviours.yaml."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    cases: list[BehaviourCase]

    @classmethod
    def load(cls, path: Path = FILE) -> "Behaviours":
        """The file's cases.

        Raises:
            BadParameter: It is missing, or holds a kind, a key or a value that is not known.
        """
        try:
            return cls.model_validate(read_yaml(path))
        except ValidationError as error:
            raise refused(error, str(path), cls) from error


class Neighbourly(Asked, Protocol):
    """A model that can also be asked what resembles an item."""

    def similar(self, item_ids: Texts, k: int) -> tuple[Texts, Floats]:
        """For each of `item_ids`, [batch], the k nearest others and their cosines."""


@dataclass(frozen=True)
class Observation:
    """What a model did in one case."""

    name: str
    ok: bool | None
    """None: the case does not apply."""
    value: float | None
    threshold: float | None
    reason: str


def observe(
    model: Neighbourly, data: PreparedData, cases: Sequence[BehaviourCase], k: int
) -> list[Observation]:
    """Asks a model what the cases say.

    Args:
        model: A loaded artifact.
        data: Prepared tables, from which histories are taken.
        cases: Of behaviours.yaml.
        k: Length of a slate.
    """
    return [_observed(model, data, case, min(k, len(model.manifest.item_ids))) for case in cases]


def _observed(model: Neighbourly, data: PreparedData, case: BehaviourCase, k: int) -> Observation:
    if case.families is not None and model.manifest.family not in case.families:
        reason = f"promised by {', '.join(case.families)} only"
        return Observation(case.name, None, None, None, reason)
    if isinstance(case, SameRequest):
        return _same_request(model, data, case, k)
    if isinstance(case, LikedItem):
        return _liked_item(model, data, case)
    if isinstance(case, ReversedHistory):
        return _reversed(model, data, case, k)
    if isinstance(case, UnknownUser):
        return _unknown_user(model, data, case, k)
    return _blocked(model, data, case, k)


def _same_request(model: Asked, data: PreparedData, case: SameRequest, k: int) -> Observation:
    queries = ask(model, data, _moments(data, case.requests))
    first, second = (model.recommend(queries, None, k) for _ in range(2))
    changed = float((first.item_ids != second.item_ids).any(axis=1).mean())
    reason = "share of slates that change when the same request comes again"
    return Observation(case.name, changed == 0, changed, 0.0, reason)


def _liked_item(model: Neighbourly, data: PreparedData, case: LikedItem) -> Observation:
    """Compares the neighbours' mean standing among all items before and after."""
    rows = _moments(data, case.requests)
    before = ask(model, data, rows)
    liked = data.interactions["item_id"].to_numpy(object)[rows]
    near, cosines = model.similar(liked, case.neighbours)
    is_near = (near != "") & (cosines > SMALL)
    if not is_near.any():
        return Observation(case.name, None, None, None, "no item has a neighbour")
    after = _with_event(before, liked, data.events[rows], case.value)
    gains = _standing(model, after, near) - _standing(model, before, near)
    gain = float(gains[is_near].mean())
    reason = (
        "standard deviations by which the nearest neighbours of an item that is added to the "
        f"history rise, mean over {len(rows)} requests"
    )
    return Observation(case.name, gain >= -SMALL, gain, 0.0, reason)


def _reversed(model: Asked, data: PreparedData, case: ReversedHistory, k: int) -> Observation:
    rows = _moments(data, case.requests)
    queries = ask(model, data, rows)
    histories, width = queries.histories, queries.histories.item_ids.shape[1]
    lengths = (histories.timestamps > 0).sum(axis=1)
    # padding stays in front: only the places of events are turned round; instants stay in order
    places = np.arange(width)[None, :]
    turned = np.where(places >= (width - lengths)[:, None], 2 * width - lengths[:, None], 0)
    order = np.where(turned > 0, turned - 1 - places, places)
    other = Histories(
        np.take_along_axis(histories.item_ids, order, axis=1),
        np.take_along_axis(histories.events, order, axis=1),
        np.take_along_axis(histories.values, order, axis=1),
        histories.timestamps,
    )
    told = lengths > 1
    if not told.any():
        return Observation(case.name, None, None, None, "no history has two events")
    first = model.recommend(queries, None, k).item_ids
    second = model.recommend(Queries(other, queries.profile, queries.now), None, k).item_ids
    changed = float((first != second).any(axis=1)[told].mean())
    reason = f"share of {int(told.sum())} slates that change when the history is turned round"
    return Observation(case.name, changed >= case.min_changed, changed, case.min_changed, reason)


def _unknown_user(model: Asked, data: PreparedData, case: UnknownUser, k: int) -> Observation:
    some = ask(model, data, _moments(data, 1))
    nothing = np.ones(some.histories.item_ids.shape, dtype=bool)
    nobody = Queries(
        blanked(some.histories, nothing), np.full(some.profile.shape, "", dtype=object), some.now
    )
    slates = model.recommend(nobody, None, k)
    shown = int(((slates.item_ids != "") & np.isfinite(slates.scores)).sum())
    reason = "items with finite scores for a user of whom nothing is known"
    return Observation(case.name, shown == k, float(shown), float(k), reason)


def _blocked(model: Asked, data: PreparedData, case: BlockedItems, k: int) -> Observation:
    queries = ask(model, data, _moments(data, case.requests))
    blocked = model.recommend(queries, None, min(case.blocked, k)).item_ids
    allow = _all_but(model, blocked)
    slates = model.recommend(queries, allow, k)
    missing = int(np.minimum(allow.sum(axis=1), k).sum() - (slates.item_ids != "").sum())
    wrong = forbidden(model, slates, allow) + missing
    reason = f"blocked items in {len(blocked)} slates, and places that others do not fill"
    return Observation(case.name, wrong == 0, float(wrong), 0.0, reason)


def _all_but(model: Asked, blocked: Texts) -> Bools:
    items = np.array(model.manifest.item_ids, dtype=object)
    return np.stack([~np.isin(items, row) for row in blocked])


def _moments(data: PreparedData, count: int) -> Ints:
    """First rows of pages of the test window, from short histories to long ones."""
    starts = data.pages(data.window("test")).start
    lengths = data.page_start[starts] - data.user_start[starts]
    return np.resize(starts[telling(lengths, count)], count)


def _with_event(queries: Queries, items: Texts, kinds: Texts, value: float | None) -> Queries:
    """The same requests with one more event, a minute ago or at the last one if that is later."""
    histories = queries.histories
    newest = histories.timestamps.max(axis=1, initial=0)
    instants = np.maximum(newest, queries.now - MINUTE_US)
    number = np.float32(np.nan if value is None else value)
    longer = Histories(
        np.append(histories.item_ids, items[:, None], axis=1),
        np.append(histories.events, kinds[:, None], axis=1),
        np.append(histories.values, np.full((len(items), 1), number), axis=1),
        np.append(histories.timestamps, instants[:, None], axis=1),
    )
    return Queries(longer, queries.profile, queries.now)


def _standing(model: Asked, queries: Queries, item_ids: Texts) -> Floats:
    """[requests, m] scores of `item_ids`, in standard deviations of the request's catalogue."""
    catalogue = np.array(model.manifest.item_ids, dtype=object)
    scores = model.rank(queries, np.tile(catalogue, (len(queries.now), 1))).scores
    own = model.rank(queries, item_ids).scores
    own = np.where(np.isfinite(own), own, np.nan)  # where there is no neighbour
    spread = np.maximum(scores.std(axis=1, keepdims=True), SMALL)
    standing: Floats = (own - scores.mean(axis=1, keepdims=True)) / spread
    return standing
