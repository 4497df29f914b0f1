"""A real bento behind real HTTP: what it answers."""

from pathlib import Path
from typing import Any

import httpx
import pytest

from pipelines.rollout import golden
from tests.integration import serving
from tests.integration.service.asking import (
    FOLLOWING,
    SEEN,
    TITLES,
    codes,
    ids,
    recommend,
)
from tests.integration.tiny_catalogue import ITEM_IDS, MAX_HISTORY


def test_a_slate_has_the_shape_of_the_contract(client: httpx.Client) -> None:
    answer = recommend(client, user_id="196", k=2, return_fields=["title"])

    first = answer["items"][0]
    assert first == {
        "item_id": FOLLOWING,
        "rank": 1,
        "score": 95.0,  # minus its place, plus 100 for following
        "predictions": {"like": 0.125, "rating": 1.0},  # 5 / 40 and 1 + 5 % 5
        "source": "popularity",
        "rules": [],
        "fields": {"title": f"Title of {FOLLOWING}"},
    }
    assert answer["user_id"] == "196"
    assert answer["model"] == {
        "version": "recommender@v1.0.0",
        "family": "popularity",
        "data_version": "data/1998-03-30",
        "bento": "recommender:v1.0.0",
    }
    assert answer["policy"] == {"name": "greedy", "propensity": 1.0}
    assert answer["fallback"] is None
    assert answer["warnings"] == []
    assert set(answer["timings_ms"]) == {"store", "model", "total"}
    assert len(answer["request_id"]) == 32


def test_fields_come_only_when_asked_for(client: httpx.Client) -> None:
    assert "fields" not in recommend(client, user_id="196", k=1)["items"][0]


@pytest.mark.parametrize("k", [1, 10, 37])
def test_there_are_k_unseen_items_while_the_catalogue_has_them(
    client: httpx.Client, k: int
) -> None:
    answer = recommend(client, user_id="196", k=k)

    assert len(set(ids(answer))) == k  # 40 items, 3 seen
    assert not set(ids(answer)) & set(SEEN)
    assert [item["rank"] for item in answer["items"]] == list(range(1, k + 1))
    scores = [item["score"] for item in answer["items"]]
    assert scores == sorted(scores, reverse=True)
    assert answer["warnings"] == []


def test_fewer_than_k_are_answered_with_a_warning(client: httpx.Client) -> None:
    answer = recommend(client, user_id="196", k=1_000)

    assert set(ids(answer)) == set(ITEM_IDS) - set(SEEN)
    assert codes(answer) == ["fewer-than-k"]


def test_a_user_who_has_seen_everything_gets_an_empty_slate(client: httpx.Client) -> None:
    answer = recommend(client, user_id="né 🎬")

    assert answer["items"] == []
    assert codes(answer) == ["nothing-left"]


def test_seen_items_come_back_when_allowed(client: httpx.Client) -> None:
    answer = recommend(client, user_id="196", k=40, exclude_seen=False)

    assert set(ids(answer)) == set(ITEM_IDS)


def test_excluded_items_never_come(client: httpx.Client) -> None:
    excluded = [FOLLOWING, ITEM_IDS[0], "not in the catalogue"]

    answer = recommend(client, user_id="196", k=40, exclude=excluded)

    assert set(ids(answer)) == set(ITEM_IDS) - set(SEEN) - set(excluded)


def test_excluding_the_whole_catalogue_leaves_nothing(client: httpx.Client) -> None:
    answer = recommend(client, exclude=ITEM_IDS)

    assert answer["items"] == []
    assert codes(answer) == ["nothing-left"]


def test_a_given_history_replaces_the_stored_one_and_both_are_excluded(
    client: httpx.Client,
) -> None:
    given = [{"item_id": ITEM_IDS[20]}, {"item_id": ITEM_IDS[10]}]

    answer = recommend(client, user_id="196", history=given, k=40)

    assert ids(answer)[0] == ITEM_IDS[11]  # follows the last one given
    assert set(ids(answer)) == set(ITEM_IDS) - set(SEEN) - {ITEM_IDS[20], ITEM_IDS[10]}


def test_history_is_ordered_by_its_timestamps(client: httpx.Client) -> None:
    given = [
        {"item_id": ITEM_IDS[20], "timestamp": "1998-03-02T00:00:00Z"},
        {"item_id": ITEM_IDS[10], "timestamp": "1998-03-01T00:00:00Z"},
    ]

    assert ids(recommend(client, history=given))[0] == ITEM_IDS[21]


def test_only_history_before_now_is_used(client: httpx.Client) -> None:
    given = [
        {"item_id": ITEM_IDS[10], "timestamp": "1998-03-01T00:00:00Z"},
        {"item_id": ITEM_IDS[20], "timestamp": "1998-03-02T00:00:00Z"},
    ]

    answer = recommend(client, history=given, context={"timestamp": "1998-03-02T00:00:00Z"})

    assert ids(answer)[0] == ITEM_IDS[11]
    assert codes(answer) == ["later-than-now"]


def test_the_replay_clock_makes_stored_history_the_past(client: httpx.Client) -> None:
    # the store's events lie in 1998, and so does its clock: what is given as 2001 is in the future
    given = [{"item_id": ITEM_IDS[10], "timestamp": "2001-01-01T00:00:00Z"}]

    assert codes(recommend(client, history=given)) == ["later-than-now"]


def test_unknown_items_of_a_history_are_ignored_with_a_count(client: httpx.Client) -> None:
    given = [{"item_id": ITEM_IDS[10]}, {"item_id": "no such item"}]

    answer = recommend(client, history=given)

    assert codes(answer) == ["unknown-items"]
    assert answer["warnings"][0]["detail"].startswith("1 of 2 in history")


@pytest.mark.parametrize(
    ("request_body", "fallback"),
    [
        pytest.param({"user_id": "a stranger"}, "unknown-user", id="stranger"),
        pytest.param({"user_id": None}, "no-history", id="null user"),
        pytest.param({}, "no-history", id="nobody"),
        pytest.param(
            {"user_id": "a stranger", "history": [{"item_id": ITEM_IDS[10]}]},
            "history-only",
            id="stranger with history",
        ),
    ],
)
def test_somebody_unknown_still_gets_ten_items_and_the_reason(
    client: httpx.Client, request_body: dict[str, Any], fallback: str
) -> None:
    answer = recommend(client, **request_body)

    assert len(ids(answer)) == 10
    assert answer["fallback"] == fallback
    assert answer["user_id"] == request_body.get("user_id")


@pytest.mark.parametrize(
    "user_id",
    ["né", "ne\u0301", "🎬", " a b ", "'; DROP TABLE users", "../../x", "${jndi:x}", "<script>"],
)
def test_any_text_is_a_user_id_and_is_echoed_as_it_came(client: httpx.Client, user_id: str) -> None:
    assert recommend(client, user_id=user_id)["user_id"] == user_id


def test_unknown_profile_and_item_fields_are_warned_of(client: httpx.Client) -> None:
    answer = recommend(client, user_id="196", profile={"shoe": "42"}, return_fields=["title", "x"])

    assert codes(answer) == ["unknown-profile-fields", "unknown-item-fields"]
    assert answer["items"][0]["fields"]["x"] is None


def test_rank_orders_the_known_items(client: httpx.Client) -> None:
    asked = [ITEM_IDS[7], "no such item", FOLLOWING, ITEM_IDS[2], ITEM_IDS[2]]

    answer = client.post("/v1/rank", json={"user_id": "196", "item_ids": asked}).json()

    assert ids(answer) == [FOLLOWING, ITEM_IDS[2], ITEM_IDS[7]]
    assert [item["score"] for item in answer["items"]] == [95.0, -2.0, -7.0]
    assert codes(answer) == ["unknown-items"]


def test_rank_and_recommend_agree(client: httpx.Client) -> None:
    slate = recommend(client, user_id="196", k=5)

    ranked = client.post("/v1/rank", json={"user_id": "196", "item_ids": ids(slate)}).json()

    keys = ("item_id", "rank", "score", "predictions")
    assert ranked["items"] == [{key: item[key] for key in keys} for item in slate["items"]]


def test_similar_answers_each_item_with_its_neighbours(client: httpx.Client) -> None:
    answer = client.post("/v1/similar", json={"item_ids": [ITEM_IDS[9], "?"], "k": 2}).json()

    neighbours, none = answer["results"]
    assert neighbours["item_id"] == ITEM_IDS[9]
    assert {item["item_id"] for item in neighbours["items"]} == {ITEM_IDS[8], ITEM_IDS[10]}
    assert none == {"item_id": "?", "items": []}
    assert codes(answer) == ["unknown-items"]


def test_similar_has_every_other_item_at_most(client: httpx.Client) -> None:
    answer = client.post("/v1/similar", json={"item_id": ITEM_IDS[9], "k": 1_000}).json()

    found = {item["item_id"] for item in answer["results"][0]["items"]}
    assert found == set(ITEM_IDS) - {ITEM_IDS[9]}


def test_the_model_route_tells_the_lineage(client: httpx.Client, artifact: Path) -> None:
    answer = client.get("/v1/model").json()

    release = serving.make_release(artifact).model_dump()
    assert {key: answer[key] for key in release} == release
    assert answer["slot"] == "blue"


def test_the_golden_requests_through_http_are_answered_as_judged(
    client: httpx.Client, served: serving.Served, artifact: Path
) -> None:
    assert golden.replay(client, served.url, artifact) == 8


def test_a_history_longer_than_the_model_reads_is_answered_as_its_newest_part(
    client: httpx.Client,
) -> None:
    newest = [{"item_id": item_id} for item_id in ITEM_IDS[:MAX_HISTORY]]
    older = [{"item_id": item_id} for item_id in ITEM_IDS[-5:]]

    cut = recommend(client, history=newest, exclude_seen=False)
    long = recommend(client, history=older + newest, exclude_seen=False)

    assert long["items"] == cut["items"]
    assert ids(cut)[0] == ITEM_IDS[MAX_HISTORY]  # follows the newest


def test_the_longest_history_that_may_be_given_is_answered(client: httpx.Client) -> None:
    given = [{"item_id": ITEM_IDS[place % len(ITEM_IDS)]} for place in range(1_000)]

    answer = recommend(client, history=given, exclude_seen=False)

    # 999 % 40 = 39 is the last item, and the first follows it
    assert ids(answer)[0] == ITEM_IDS[0]
    assert answer["warnings"] == []


def test_a_history_of_unknown_items_alone_is_answered_as_none(client: httpx.Client) -> None:
    answer = recommend(client, history=[{"item_id": "?"}, {"item_id": "no such item"}])

    assert answer["items"] == recommend(client)["items"]
    assert answer["fallback"] == "no-history"
    assert codes(answer) == ["unknown-items"]


def test_the_whole_catalogue_is_answered_once_each_in_order(client: httpx.Client) -> None:
    answer = recommend(client, k=len(ITEM_IDS))

    assert ids(answer) == ITEM_IDS  # without a history the ring is in manifest order
    assert answer["warnings"] == []


def test_a_replaced_online_store_counts_from_the_next_request(
    client: httpx.Client, served: serving.Served
) -> None:
    before = recommend(client, user_id="later", k=40)

    users = {"196": SEEN, "né 🎬": ITEM_IDS, "later": ITEM_IDS[:30]}
    serving.write_online_store(served.home / "online.sqlite", users, TITLES)

    assert before["fallback"] == "unknown-user"
    assert set(ids(recommend(client, user_id="later", k=10))) == set(ITEM_IDS[30:])


@pytest.mark.parametrize("given", ["abcdefgh", "0b3c-4.d_5", "x" * 64])
def test_a_request_id_is_taken_over(client: httpx.Client, given: str) -> None:
    answer = client.post("/v1/recommend", json={}, headers={"X-Request-Id": given})

    assert answer.headers["x-request-id"] == answer.json()["request_id"] == given


@pytest.mark.parametrize("given", ["short", "x" * 65, "with space", 'quo"te12'])
def test_a_strange_request_id_is_replaced(client: httpx.Client, given: str) -> None:
    answer = client.post("/v1/recommend", json={}, headers={"X-Request-Id": given})

    assert answer.headers["x-request-id"] == answer.json()["request_id"] != given


def test_probes_and_documents_need_no_key(served: serving.Served) -> None:
    paths = ("/livez", "/readyz", "/metrics", "/openapi.json")

    assert [httpx.get(served.url + path).status_code for path in paths] == [200] * 4


def test_metrics_count_without_ids(client: httpx.Client, served: serving.Served) -> None:
    recommend(client, user_id="a planted user id")
    client.get("/v1/a-planted-path")

    text = httpx.get(f"{served.url}/metrics").text

    assert 'tandem_requests_total{route="/v1/recommend",status="200"}' in text
    assert 'tandem_problems_total{code="not-found",route="other"}' in text
    assert "planted" not in text
    assert "planted" not in served.log


@pytest.mark.parametrize("path", ["/v1/recommend", "/v1/rank", "/v1/similar"])
def test_the_documented_example_is_answered(client: httpx.Client, path: str) -> None:
    operation = client.get("/openapi.json").json()["paths"][path]["post"]

    example = operation["requestBody"]["content"]["application/json"]["example"]

    assert client.post(path, json=example).status_code == 200
