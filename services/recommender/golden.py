"""Golden requests: what the artifact answered when it was made, it must answer here too.

They call every signature that is served, so that the first caller does not pay for the first call.
"""

import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from services.recommender import query
from services.recommender.artifact import GOLDEN, Artifact, ArtifactRefused, Query, Scored
from services.recommender.online import Event

SCHEMA = 2
TOLERANCE = 1e-4  # absolute; another processor may add in another order


def replay(artifact: Artifact) -> int:
    """How many golden requests were answered as expected: all of them.

    Raises:
        ArtifactRefused: There are none, or an answer differs.
    """
    golden = json.loads((artifact.folder / GOLDEN).read_bytes())
    if golden["schema"] != SCHEMA:
        raise ArtifactRefused(f"golden requests of schema {golden['schema']}, and not {SCHEMA}")
    requests = golden["requests"]
    if not requests:
        raise ArtifactRefused("there are no golden requests")
    for request in requests:
        asked, expected = _query(artifact, request), request["expected"]
        allow = np.full(len(artifact.item_ids), request["allow"] == "all")
        found = _listed(artifact.recommend(asked, allow, request["k"]), expected)
        if found is None or not _is_equal(found, expected):
            raise ArtifactRefused(f"golden request {request['name']!r} is answered differently")
        if not _is_equal(artifact.rank(asked, expected["item_ids"]), expected):
            raise ArtifactRefused(f"golden request {request['name']!r} is ranked differently")
    artifact.similar(artifact.item_ids[:1], 1)
    return len(requests)


def _query(artifact: Artifact, request: Mapping[str, Any]) -> Query:
    events = [Event(**entry) for entry in request["history"]]
    fields = artifact.manifest["profile_fields"]
    limit = int(artifact.manifest["max_history"])
    return query.build(events, request["profile"], fields, request["now"], limit)


def _listed(got: Scored, expected: Mapping[str, Any]) -> Scored | None:
    """The items at the places that are written down: the first half of them and the last.

    None when the answer has another number of items, or holds something in an empty place.
    """
    n_items, n_listed = expected["n_items"], len(expected["item_ids"])
    is_empty = np.isneginf(got.scores[0])
    holds = (got.item_ids[0] != "") | np.isfinite(got.predictions[0]).any(axis=1)
    if (~is_empty).sum() != n_items or (holds & is_empty).any():
        return None
    head = _head(n_listed)
    places = [*range(head), *range(n_items - (n_listed - head), n_items)]
    return Scored(got.item_ids[:, places], got.scores[:, places], got.predictions[:, places])


def _head(n_listed: int) -> int:
    return (n_listed + 1) // 2


def _is_equal(got: Scored, expected: Mapping[str, Any]) -> bool:
    """Whether the answers agree.

    Items with scores closer than the tolerance may change places; so may one that is not listed
    where the list breaks off.
    """
    wanted = dict(zip(expected["item_ids"], expected["predictions"], strict=True))
    scores = dict(zip(expected["item_ids"], expected["scores"], strict=True))
    if not _is_close(got.scores[0], expected["scores"]):
        return False
    head, n_listed = _head(len(scores)), len(scores)
    gap = expected["scores"][head - 1 : head + 1] if n_listed < expected["n_items"] else []
    edges = [*gap, *expected["scores"][-1:]]
    for place, item_id in enumerate(got.item_ids[0]):
        near = [scores[item_id]] if item_id in scores else edges
        predictions = wanted.get(item_id, got.predictions[0, place])
        if not any(_is_close(got.scores[0, place], score) for score in near):
            return False
        if not _is_close(got.predictions[0, place], predictions):
            return False
    return True


def _is_close(found: Any, wanted: Any) -> bool:
    expected = np.asarray(wanted, dtype=np.float64)
    return found.shape == expected.shape and bool(
        np.allclose(found, expected, rtol=0, atol=TOLERANCE)
    )
