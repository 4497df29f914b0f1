import json
import shlex
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from pipelines.airflow import DEPLOYMENT, INGESTION, TRAINING, DagRun
from pipelines.contracts.operate import Demo, Shown, Timed
from pipelines.demo import slate, step, summary
from pipelines.home import Home
from pipelines.params import Params


class Triggered:
    """An Airflow that only remembers what was triggered."""

    def __init__(self) -> None:
        self.conf: dict[str, object] = {}

    def trigger(self, dag_id: str, conf: dict[str, object]) -> DagRun:
        self.conf = conf
        return DagRun(dag_id, "run", "queued")


@pytest.fixture
def params() -> Params:
    return Params.load(overrides=["demo.hold_back=2"])


def make_demo() -> Demo:
    item = Shown(rank=1, item_id="50", title="Star Wars", score=0.5, predictions={"like": 0.75})
    return Demo(
        champion={"version": "recommender@v1.0.0", "bento": "recommender:v1.0.0"},
        verdict={"verdict": "ship"},
        user_id="196",
        slate=[item],
        curl="curl -sS …",
        airflow="http://127.0.0.1:8080",
        reports=["/home/report.html"],
        timings=[Timed(step="init", seconds=1.5), Timed(step="up", seconds=20.0)],
    )


@pytest.mark.parametrize(
    ("keys", "last"),
    [
        pytest.param(["1", "2", "3", "4", "5"], "3", id="the newest two are held back"),
        pytest.param(["1", "2"], "1", id="too few: the first is taken all the same"),
    ],
)
def test_backfill_ends_before_the_keys_that_are_held_back(
    params: Params, keys: list[str], last: str
) -> None:
    assert step._backfill_to({"keys": keys}, params) == last


@pytest.mark.parametrize(
    ("partitions", "verdict", "dag_id"),
    [
        pytest.param([], None, INGESTION, id="nothing is done"),
        pytest.param([{"key": "3", "tag": None}], None, INGESTION, id="the backfill was refused"),
        pytest.param([{"key": "3", "tag": "data/3"}], None, TRAINING, id="no model yet"),
        pytest.param([{"key": "3", "tag": "data/3"}], "hold", TRAINING, id="no model shipped"),
        pytest.param([{"key": "3", "tag": "data/3"}], "ship", DEPLOYMENT, id="nothing is live"),
    ],
)
def test_a_second_demo_goes_on_where_the_first_one_ended(
    partitions: list[dict[str, Any]], verdict: str | None, dag_id: str
) -> None:
    status = {"partitions": partitions, "last_verdict": verdict and {"verdict": verdict}}

    run = step._start(Triggered(), status, "3")  # type: ignore[arg-type]  # triggers, no more

    assert run.dag_id == dag_id


def test_the_curl_line_holds_no_key_and_survives_a_shell() -> None:
    home = Home(Path("/a home"))

    line = slate.curl(home, slate.request("o'hara", "title", 10))

    words = shlex.split(line)
    assert words[1] == f"{home.client_env};"
    assert json.loads(words[-1]) == {"user_id": "o'hara", "k": 10, "return_fields": ["title"]}
    assert "Authorization: Bearer $TANDEM_API_KEY" in words


def test_the_summary_shows_chain_slate_and_seconds() -> None:
    console = Console(width=120, record=True)

    console.print(summary.render(make_demo()))

    text = console.export_text()
    assert "recommender@v1.0.0" in text
    assert "Star Wars" in text
    assert "0.75" in text
    assert "21.5" in text  # 1.5 + 20.0
