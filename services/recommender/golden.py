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

TOLERANCE = 1e-4  # absolute; another processor may add in another order


def replay(artifact: Artifact) -> int:
    """How many golden requests were answered as expected: all of them.

    Raises:
        ArtifactRefused: There are none, or an answer differs.
    """
    requests = json.loads((artifact.folder / GOLDEN).read_bytes())["requests"]
    if not requests:
        raise ArtifactRefused("there are no golden requests")
    for request in requests:
        asked, expected = _query(artifact, request), request["expected"]
        if not _is_equal(artifact.recommend(asked, None, request["k"]), expected):
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


def _is_equal(got: Scored, expected: Mapping[str, Any]) -> bool:
    """Whether the answers agree; items with scores closer than the tolerance may change places."""
    wanted = dict(zip(expected["item_ids"], expected["predictions"], strict=True))
    scores = dict(zip(expected["item_ids"], expected["scores"], strict=True))
    if not _is_close(got.scores[0], expected["scores"]):
        return False
    for place, item_id in enumerate(got.item_ids[0]):
        score = scores.get(item_id, expected["scores"][-1])
        predictions = wanted.get(item_id, got.predictions[0, place])
        if not _is_close(got.scores[0, place], score):
            return False
        if not _is_close(got.predictions[0, place], predictions):
            return False
    return True


def _is_close(found: Any, wanted: Any) -> bool:
    expected = np.asarray(wanted, dtype=np.float64)
    return found.shape == expected.shape and bool(
        np.allclose(found, expected, rtol=0, atol=TOLERANCE)
    )
