"""From a request to a slate, with a model whose order is fixed: exclusions, warnings, reasons."""

from pathlib import Path

import numpy as np
import pytest

from services.recommender.answering import Answerer
from services.recommender.answers import ModelAnswer, Release
from services.recommender.artifact import Query, Scored
from services.recommender.online import OnlineStore
from services.recommender.schemas import RankRequest, RecommendRequest
from tests.integration.serving import IDENTITY_KEY, write_online_store

ITEM_IDS = list("abcdef")
EXAMPLE = ModelAnswer.model_config["json_schema_extra"]["examples"][0]
RELEASE = Release(**{key: EXAMPLE[key] for key in EXAMPLE if key not in ("slot", "pid")})


class FixedOrder:
    """A model that ranks its catalogue in order, and keeps to its mask."""

    def __init__(self) -> None:
        watch = {"name": "watch", "kind": "retrieval", "positive": {"event": "rating"}}
        self.manifest = {"tasks": [watch], "max_history": 3, "profile_fields": ["age"]}
        self.item_ids = ITEM_IDS
        self.rows = {item_id: row for row, item_id in enumerate(ITEM_IDS)}
        self.heads = ["like"]
        self.repeats = False
        self.asked: list[Query] = []

    def recommend(self, query: Query, allow: np.ndarray, k: int) -> Scored:
        self.asked.append(query)
        allowed = np.flatnonzero(allow)[:k]
        empty = k - len(allowed)
        return _scored(
            [*(ITEM_IDS[row] for row in allowed), *[""] * empty],
            [*(-float(row) for row in allowed), *[-np.inf] * empty],
        )

    def rank(self, query: Query, item_ids: list[str]) -> Scored:
        return _scored(item_ids, [-float(self.rows[item_id]) for item_id in item_ids])


def _scored(item_ids: list[str], scores: list[float]) -> Scored:
    predictions = np.where(np.isfinite(scores), 0.5, np.nan)
    return Scored(
        np.array([item_ids], dtype=object),
        np.array([scores], dtype=np.float32),
        predictions.astype(np.float32)[None, :, None],
    )


@pytest.fixture
def model() -> FixedOrder:
    return FixedOrder()


@pytest.fixture
def answerer(model: FixedOrder, tmp_path: Path) -> Answerer:
    """User 196 has seen a, then c."""
    write_online_store(tmp_path / "online.sqlite", {"196": ["a", "c"]}, {})
    store = OnlineStore(tmp_path / "online.sqlite")
    return Answerer(model, store, IDENTITY_KEY, RELEASE)  # type: ignore[arg-type]  # in its place


def slate(answerer: Answerer, **request: object) -> list[str]:
    answer = answerer.recommend(RecommendRequest.model_validate({"k": 6, **request}), "id")
    return [item.item_id for item in answer.items]


def warned(answerer: Answerer, **request: object) -> list[str]:
    answer = answerer.recommend(RecommendRequest.model_validate({"k": 6, **request}), "id")
    return [warning.code for warning in answer.warnings]


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({}, "abcdef", id="nobody has seen nothing"),
        pytest.param({"user_id": "196"}, "bdef", id="seen"),
        pytest.param({"user_id": "196", "exclude_seen": False}, "abcdef", id="seen again"),
        pytest.param({"user_id": "196", "history": [{"item_id": "e"}]}, "bdf", id="seen and given"),
        pytest.param({"history": [{"item_id": "e"}]}, "abcdf", id="given"),
        pytest.param({"exclude": ["b", "?", "b"]}, "acdef", id="excluded"),
        pytest.param(
            {"user_id": "196", "exclude": ["b"], "exclude_seen": False},
            "acdef",
            id="excluded alone",
        ),
        pytest.param({"exclude": ITEM_IDS}, "", id="everything excluded"),
    ],
)
def test_the_slate_leaves_out_what_is_seen_given_or_excluded(
    answerer: Answerer, asked: dict[str, object], expected: str
) -> None:
    assert slate(answerer, **asked) == list(expected)


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        pytest.param({"user_id": "196"}, "abcdef", id="seen"),
        pytest.param({"user_id": "196", "exclude_seen": True}, "bdef", id="seen, on request"),
        pytest.param({"user_id": "196", "exclude": ["a"]}, "bcdef", id="excluded"),
    ],
)
def test_what_may_be_chosen_again_stays_in_unless_the_request_says(
    model: FixedOrder, answerer: Answerer, asked: dict[str, object], expected: str
) -> None:
    model.repeats = True

    assert slate(answerer, **asked) == list(expected)


@pytest.mark.parametrize(
    ("asked", "codes"),
    [
        pytest.param({"k": 6}, [], id="enough"),
        pytest.param({"k": 7}, ["fewer-than-k"], id="more than the catalogue"),
        pytest.param({"k": 5, "exclude": ["a"]}, [], id="just enough"),
        pytest.param({"k": 6, "exclude": ["a"]}, ["fewer-than-k"], id="one short"),
        pytest.param({"exclude": ITEM_IDS}, ["nothing-left"], id="nothing"),
    ],
)
def test_too_few_items_are_warned_of(
    answerer: Answerer, asked: dict[str, object], codes: list[str]
) -> None:
    assert warned(answerer, **asked) == codes


def test_a_model_is_not_asked_for_a_slate_of_nothing(answerer: Answerer, model: FixedOrder) -> None:
    slate(answerer, exclude=ITEM_IDS)

    assert model.asked == []


def test_the_model_reads_the_stored_history_and_profile(
    answerer: Answerer, model: FixedOrder
) -> None:
    slate(answerer, user_id="196")

    assert list(model.asked[0].item_ids) == ["a", "c"]
    assert list(model.asked[0].profile) == ["24"]


def test_ranked_items_are_known_ones_once_each_best_first(answerer: Answerer) -> None:
    request = RankRequest.model_validate({"item_ids": ["f", "?", "b", "f"]})

    answer = answerer.rank(request, "id")

    assert [(item.item_id, item.rank) for item in answer.items] == [("b", 1), ("f", 2)]
    assert [warning.code for warning in answer.warnings] == ["unknown-items"]
