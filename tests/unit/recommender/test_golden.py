"""Golden requests at start-up: what counts as the same answer, by hand."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from services.recommender import golden
from services.recommender.artifact import ArtifactRefused, Query, Scored

ITEM_IDS = list("abcdef")


class FixedArtifact:
    """A model that ranks its catalogue in order, 6 points for a down to 1 for f."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.item_ids = ITEM_IDS
        self.manifest = {"profile_fields": [], "max_history": 5}
        self.ids = list(ITEM_IDS)
        self.scores = [6.0, 5.0, 4.0, 3.0, 2.0, 1.0]
        self.predictions = [0.5] * 6
        self.in_empty_places = ("", -np.inf, np.nan)

    def recommend(self, query: Query, allow: np.ndarray, k: int) -> Scored:
        n_items = min(k, int(allow.sum()))
        item_id, score, prediction = self.in_empty_places
        n_empty = k - n_items
        return _scored(
            self.ids[:n_items] + [item_id] * n_empty,
            self.scores[:n_items] + [score] * n_empty,
            self.predictions[:n_items] + [prediction] * n_empty,
        )

    def rank(self, query: Query, item_ids: list[str]) -> Scored:
        places = [ITEM_IDS.index(item_id) for item_id in item_ids]
        return _scored(item_ids, [6.0 - place for place in places], [0.5] * len(places))

    def similar(self, item_ids: list[str], k: int) -> Scored:
        return _scored(["b"], [1.0], [0.5])


def _scored(item_ids: list[str], scores: list[float], predictions: list[float]) -> Scored:
    return Scored(
        np.array([item_ids], dtype=object),
        np.array([scores], dtype=np.float32),
        np.array(predictions, dtype=np.float32).reshape(1, -1, 1),
    )


def make_request(allow: str = "all", k: int = 6, **expected: Any) -> dict[str, Any]:
    """The whole catalogue, of which the first two and the last two are listed."""
    wanted = {
        "n_items": 6,
        "item_ids": ["a", "b", "e", "f"],
        "scores": [6.0, 5.0, 2.0, 1.0],
        "predictions": [[0.5]] * 4,
        **expected,
    }
    return {
        "name": "one",
        "history": [],
        "profile": {},
        "now": 9,
        "k": k,
        "allow": allow,
        "expected": wanted,
    }


NOTHING = make_request("none", n_items=0, item_ids=[], scores=[], predictions=[])


@pytest.fixture
def artifact(tmp_path: Path) -> FixedArtifact:
    return FixedArtifact(tmp_path)


def replay(artifact: Any, *requests: dict[str, Any], schema: int = 2) -> int:
    written = json.dumps({"schema": schema, "requests": requests})
    (artifact.folder / "golden.json").write_text(written)
    return golden.replay(artifact)


def test_all_are_answered_as_expected(artifact: FixedArtifact) -> None:
    assert replay(artifact, make_request(), NOTHING) == 2


def test_an_unlisted_item_may_stand_where_the_list_breaks_off(artifact: FixedArtifact) -> None:
    artifact.ids = ["a", "c", "b", "e", "d", "f"]

    assert replay(artifact, make_request()) == 1


@pytest.mark.parametrize(
    ("attribute", "place", "value"),
    [
        ("ids", 0, "d"),
        ("scores", 0, 6.1),
        ("scores", 5, 0.9),
        ("predictions", 1, 0.4),
        ("predictions", 4, np.nan),
    ],
)
def test_another_answer_is_refused(
    artifact: FixedArtifact, attribute: str, place: int, value: Any
) -> None:
    getattr(artifact, attribute)[place] = value

    with pytest.raises(ArtifactRefused, match="'one' is answered differently"):
        replay(artifact, make_request())


@pytest.mark.parametrize("left", [("a", -np.inf, np.nan), ("", 1.0, np.nan), ("", -np.inf, 0.5)])
def test_an_empty_place_that_holds_something_is_refused(
    artifact: FixedArtifact, left: tuple[str, float, float]
) -> None:
    artifact.in_empty_places = left

    with pytest.raises(ArtifactRefused, match="'one' is answered differently"):
        replay(artifact, NOTHING)


def test_another_number_of_items_is_refused(artifact: FixedArtifact) -> None:
    with pytest.raises(ArtifactRefused, match="'one' is answered differently"):
        replay(artifact, make_request(k=5))


def test_another_rank_is_refused(artifact: FixedArtifact) -> None:
    expected = make_request(scores=[7.0, 5.0, 2.0, 1.0])
    artifact.scores[0] = 7.0  # recommend says so, rank does not

    with pytest.raises(ArtifactRefused, match="'one' is ranked differently"):
        replay(artifact, expected)


def test_no_requests_prove_nothing(artifact: FixedArtifact) -> None:
    with pytest.raises(ArtifactRefused, match="no golden requests"):
        replay(artifact)


def test_requests_of_older_code_are_refused(artifact: FixedArtifact) -> None:
    with pytest.raises(ArtifactRefused, match="schema 1, and not 2"):
        replay(artifact, make_request(), schema=1)
