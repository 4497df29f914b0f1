"""Whom a request is for: what the store knows, what came with it, and what the model is asked."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from services.recommender import fallback, query
from services.recommender.answers import Fallback, Warned
from services.recommender.artifact import Artifact, Query
from services.recommender.identity import pseudonym
from services.recommender.online import Event, OnlineStore, User
from services.recommender.schemas import HistoryEntry


@dataclass(frozen=True)
class Person:
    """Whom a request is for, as far as it matters to the model and to the slate."""

    query: Query
    user: User
    given: frozenset[str]
    """Items of the history that came with the request."""
    fallback: Fallback | None
    warnings: list[Warned] = field(default_factory=list)


class People:
    """Finds persons in the online store, for one model."""

    def __init__(self, artifact: Artifact, store: OnlineStore, identity_key: bytes) -> None:
        self._store = store
        self._key = identity_key
        self._rows = artifact.rows
        self._default_event = query.positive_event(artifact.manifest["tasks"])
        self._max_history = int(artifact.manifest["max_history"])
        self._profile_fields: list[str] = artifact.manifest["profile_fields"]

    def find(
        self,
        user_id: str | None,
        history: Sequence[HistoryEntry] | None,
        profile: dict[str, str] | None,
        moment: int | None,
    ) -> Person:
        """The person; a given history and profile replace the stored ones for scoring.

        Args:
            user_id: The raw id; None = nobody is named.
            history: As it came; None = the stored one.
            profile: As it came; None = the stored one.
            moment: Now, microseconds since 1970; None = the platform's clock.

        Raises:
            StoreUnavailable: The online store cannot be read.
        """
        self._store.refresh()
        now = self._store.clock.now() if moment is None else moment
        user = self._user(user_id, now)
        warnings: list[Warned] = []
        events = user.history if history is None else self._given(history, now, warnings)
        used = user.profile if profile is None else self._checked(profile, warnings)
        asked = query.build(events, used, self._profile_fields, now, self._max_history)
        reason = fallback.reason(
            is_named=user_id is not None,
            is_known=user.is_known,
            has_history=any(e.item_id in self._rows and e.timestamp < now for e in events),
        )
        given = frozenset(entry.item_id for entry in history or ())
        return Person(asked, user, given, reason, warnings)

    def _user(self, user_id: str | None, now: int) -> User:
        if user_id is None:
            return User()
        # one event at least: a model that reads none still answers a known user as known
        limit = max(1, self._max_history)
        return self._store.user(pseudonym(self._key, user_id), now, limit)

    def _given(
        self, history: Sequence[HistoryEntry], now: int, warnings: list[Warned]
    ) -> list[Event]:
        events = query.given_events(history, now, self._default_event)
        known_items([event.item_id for event in events], self._rows, "history", warnings)
        late = sum(event.timestamp >= now for event in events)
        if late:
            detail = f"{late} of the history are not earlier than now and were ignored"
            warnings.append(Warned(code="later-than-now", detail=detail))
        return events

    def _checked(self, profile: dict[str, str], warnings: list[Warned]) -> dict[str, str]:
        unknown = len(profile.keys() - set(self._profile_fields))
        if unknown:
            known = ", ".join(self._profile_fields) or "none"
            detail = f"{unknown} profile fields are not used by this model; it uses: {known}"
            warnings.append(Warned(code="unknown-profile-fields", detail=detail))
        return profile


def known_items(
    item_ids: Sequence[str], rows: Mapping[str, int], name: str, warnings: list[Warned]
) -> list[str]:
    """The ones that are in the catalogue; a warning counts the others.

    Args:
        item_ids: As they came.
        rows: The catalogue.
        name: The field that they came in.
        warnings: Is added to.
    """
    known = [item_id for item_id in item_ids if item_id in rows]
    unknown = len(item_ids) - len(known)
    if unknown:
        detail = f"{unknown} of {len(item_ids)} in {name} are not in the catalogue"
        warnings.append(Warned(code="unknown-items", detail=f"{detail} and were ignored"))
    return known
