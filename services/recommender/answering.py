"""Requests to answers: what is known of the user, the model's call, the slate.

Everything here runs in one thread of its own: TensorFlow's calls and SQLite's reads never hold
up the event loop.
"""

import time
from collections.abc import Sequence
from typing import Any

import numpy as np

from services.recommender import slate
from services.recommender.answers import (
    ModelInfo,
    Neighbours,
    Policy,
    RankAnswer,
    RankedItem,
    RecommendAnswer,
    Release,
    SimilarAnswer,
    SimilarItem,
    SlateItem,
    Timings,
    Warned,
    WarningCode,
)
from services.recommender.artifact import Artifact, Scored
from services.recommender.online import OnlineStore
from services.recommender.person import People, Person, known_items
from services.recommender.schemas import RankRequest, RecommendRequest, SimilarRequest

GREEDY = Policy(name="greedy", propensity=1.0)


class Stopwatch:
    """Milliseconds of the parts of one answer."""

    def __init__(self) -> None:
        self._start = self._last = time.perf_counter()
        self._parts = {"store": 0.0, "model": 0.0}

    def lap(self, part: str) -> None:
        """Adds the time since the last lap to a part."""
        now = time.perf_counter()
        self._parts[part] += 1_000 * (now - self._last)
        self._last = now

    def timings(self) -> Timings:
        """All parts, and the time since the start."""
        total = 1_000 * (time.perf_counter() - self._start)
        store, model = self._parts["store"], self._parts["model"]
        return Timings(store=round(store, 3), model=round(model, 3), total=round(total, 3))


class Answerer:
    """Answers requests from one model and one online store."""

    def __init__(
        self, artifact: Artifact, store: OnlineStore, identity_key: bytes, release: Release
    ) -> None:
        self._artifact = artifact
        self._store = store
        self._people = People(artifact, store, identity_key)
        self.release = release
        self._model = ModelInfo(
            version=release.version,
            family=release.family,
            data_version=release.data_version,
            bento=release.bento,
        )

    @property
    def is_open(self) -> bool:
        """Whether the online store is open."""
        return self._store.is_open

    def open_store(self) -> None:
        """Opens the online store.

        Raises:
            StoreUnavailable: It cannot be read.
        """
        self._store.refresh()

    def recommend(self, request: RecommendRequest, request_id: str) -> RecommendAnswer:
        """A slate of at most k allowed items, best first."""
        watch = Stopwatch()
        moment = request.context.timestamp if request.context else None
        person = self._people.find(request.user_id, request.history, request.profile, moment)
        watch.lap("store")
        excluded = set(request.exclude)
        if self._excludes_seen(request):
            excluded |= person.user.seen | person.given
        items = self._slate(person, excluded, request.k)
        watch.lap("model")
        items = self._with_fields(items, request.return_fields, person.warnings)
        watch.lap("store")
        return RecommendAnswer(
            request_id=request_id,
            user_id=request.user_id,
            items=items,
            model=self._model,
            policy=GREEDY,
            fallback=person.fallback,
            warnings=person.warnings,
            timings_ms=watch.timings(),
        )

    def _excludes_seen(self, request: RecommendRequest) -> bool:
        if request.exclude_seen is None:
            return not self._artifact.repeats
        return request.exclude_seen

    def rank(self, request: RankRequest, request_id: str) -> RankAnswer:
        """The known ones of the given items, best first."""
        watch = Stopwatch()
        person = self._people.find(request.user_id, request.history, None, None)
        watch.lap("store")
        wanted = list(dict.fromkeys(request.item_ids))
        known = known_items(wanted, self._artifact.rows, "item_ids", person.warnings)
        items: list[RankedItem] = []
        if known:
            scored = self._artifact.rank(person.query, known)
            order = (-scored.scores[0]).argsort(kind="stable")
            items = [self._item(scored, column, place) for place, column in enumerate(order, 1)]
        watch.lap("model")
        return RankAnswer(
            request_id=request_id,
            user_id=request.user_id,
            items=items,
            model=self._model,
            fallback=person.fallback,
            warnings=person.warnings,
            timings_ms=watch.timings(),
        )

    def similar(self, request: SimilarRequest, request_id: str) -> SimilarAnswer:
        """The neighbours of each item asked for; an unknown item has none."""
        watch = Stopwatch()
        warnings: list[Warned] = []
        wanted = [request.item_id] if request.item_id is not None else request.item_ids or []
        known = list(dict.fromkeys(known_items(wanted, self._artifact.rows, "item_ids", warnings)))
        found: dict[str, list[SimilarItem]] = {}
        if known:
            k = min(
                request.k + 1, len(self._artifact.item_ids)
            )  # the item itself may be among them
            scored = self._artifact.similar(known, k)
            found = {item: _others(scored, row, item, request.k) for row, item in enumerate(known)}
        watch.lap("model")
        results = [Neighbours(item_id=item, items=found.get(item, [])) for item in wanted]
        return SimilarAnswer(
            request_id=request_id,
            results=results,
            model=self._model,
            warnings=warnings,
            timings_ms=watch.timings(),
        )

    def _slate(self, person: Person, excluded: set[str], k: int) -> list[SlateItem]:
        rows = self._artifact.rows
        allow = slate.allow_mask(len(rows), (rows.get(item, -1) for item in excluded))
        left = int(allow.sum())
        if left < k:
            code: WarningCode = "fewer-than-k" if left else "nothing-left"
            detail = f"{left} items are allowed, {k} were asked for"
            person.warnings.append(Warned(code=code, detail=detail))
        if not left:
            return []
        scored = self._artifact.recommend(person.query, allow, min(k, len(rows)))
        source = self.release.family
        return [
            SlateItem(**vars(self._item(scored, place, place + 1)), source=source, rules=[])
            for place in np.flatnonzero(slate.cut(scored.scores[0], k)).tolist()
        ]

    def _item(self, scored: Scored, column: int, rank: int) -> RankedItem:
        predictions = scored.predictions[0, column]
        return RankedItem(
            item_id=scored.item_ids[0, column],
            rank=rank,
            score=_plain(scored.scores[0, column]),
            predictions=dict(zip(self._artifact.heads, map(_plain, predictions), strict=True)),
        )

    def _with_fields(
        self, items: list[SlateItem], names: Sequence[str], warnings: list[Warned]
    ) -> list[SlateItem]:
        if not names or not items:
            return items
        stored = self._store.item_fields([item.item_id for item in items])
        known = {name for fields in stored.values() for name in fields}
        unknown = [name for name in names if name not in known]
        if unknown:
            detail = f"{len(unknown)} of return_fields are no field of these items"
            warnings.append(Warned(code="unknown-item-fields", detail=detail))
        return [
            item.model_copy(update={"fields": _picked(stored.get(item.item_id, {}), names)})
            for item in items
        ]


def _plain(value: np.float32) -> float:
    """The shortest decimal that means this float32: 0.15 and not 0.15000000596046448."""
    return float(str(value))


def _picked(fields: dict[str, Any], names: Sequence[str]) -> dict[str, Any]:
    return {name: fields.get(name) for name in names}


def _others(scored: Scored, row: int, item_id: str, k: int) -> list[SimilarItem]:
    pairs = zip(scored.item_ids[row], scored.scores[row], strict=True)
    others = [(other, score) for other, score in pairs if other not in ("", item_id)][:k]
    return [
        SimilarItem(item_id=other, rank=place, score=_plain(score))
        for place, (other, score) in enumerate(others, 1)
    ]
