"""The loop once, as a user goes through it: a fresh clone, the demo, the next week, a way back.

The tests go on from each other in the order of this file: each is a part of one story.
"""

import hashlib
import json
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import pandas as pd
import psutil
import pytest

from pipelines.airflow import INGESTION, TRAINING, Airflow, DagRun, Deadline, follow
from pipelines.errors import RunFailed
from pipelines.home import Home
from tandem_dags.commands import Run
from tests.end_to_end.clone import Clone, environment, git, wait_until, words_of

pytestmark = pytest.mark.timeout(1200)  # the demo's own deadline is shorter and says more
DEMO_SECONDS = 900
ROLLBACK_SECONDS = 5.0
REQUESTS_PER_SECOND = 20
RESTART_SECONDS = 120.0
WAITS_FOR_SCHEDULER = (
    r"… waiting for Airflow to be ready: scheduler is stopped, "
    r"last seen at \d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ; `tandem up` starts what does not run"
)
HEADER = "user_id:token\titem_id:token\trating:float\ttimestamp:float\n"
PLANTED = "\nimport sys as _sys\n\nprint('planted in this clone', file=_sys.stderr)\n"


@dataclass(frozen=True)
class Loop:
    """A clone in which the demo has ended, and what the demo answered."""

    clone: Clone
    demo: dict[str, Any]


@pytest.fixture(scope="module")
def loop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loop]:
    root = tmp_path_factory.mktemp("loop") / "tandem"
    # fewer families and epochs: minutes less, and the path is the same
    families = "[popularity, cf, multitask]"
    clone = Clone.make(root, families=families, blends="[]", multitask__max_epochs="1")
    try:
        ended = clone.tandem("demo", "--json", seconds=DEMO_SECONDS)
        assert ended.returncode == 0, ended.stdout
        yield Loop(clone, json.loads(ended.stdout))
    finally:
        left = clone.stop()
    assert left == [], "`tandem down` left processes behind"


def test_the_printed_curl_line_answers_ten_unseen_items_with_titles_and_predictions(
    loop: Loop,
) -> None:
    said = subprocess.run(["sh", "-c", loop.demo["curl"]], capture_output=True, check=True).stdout

    items = json.loads(said)["items"]
    seen = seen_items(loop.clone.home, loop.demo["user_id"])
    assert len({item["item_id"] for item in items}) == 10
    assert seen
    assert not seen & {item["item_id"] for item in items}
    assert all(item["fields"]["title"] for item in items)
    assert all({"like", "rating"} == item["predictions"].keys() for item in items)
    assert [item["rank"] for item in items] == list(range(1, 11))


def test_an_unknown_user_gets_an_answer_that_says_why_it_is_not_personal(loop: Loop) -> None:
    answer = loop.clone.post("/v1/recommend", {"user_id": "nobody yet", "k": 5})

    assert answer.status_code == httpx.codes.OK
    assert len(answer.json()["items"]) == 5
    assert answer.json()["fallback"]


def test_status_names_a_chain_whose_ids_are_found_where_they_point(loop: Loop) -> None:
    status = loop.clone.status()
    champion, state = status["champion"], Path(status["state_repo"])

    tagged = git("rev-parse", f"{champion['version']}^{{commit}}", cwd=state).strip()
    data_commit = git("rev-parse", f"{champion['data_version']}^{{commit}}", cwd=state).strip()
    bento = (Path(champion["bento_path"]) / "bento.yaml").read_text()
    serving = loop.clone.client()
    model = httpx.get(
        f"{serving['TANDEM_URL']}/v1/model",
        headers={"Authorization": f"Bearer {serving['TANDEM_API_KEY']}"},
    ).json()

    assert champion["commit"] == tagged
    assert git("merge-base", "--is-ancestor", data_commit, tagged, cwd=state) == ""
    assert "name: {}\nversion: {}\n".format(*champion["bento"].split(":")) in bento
    assert cached_digest(loop.clone.home, state, tagged) == champion["model_digest"]
    assert model["model_digest"] == champion["model_digest"]
    assert (model["version"], model["slot"]) == (champion["version"], champion["slot"])
    assert status["gateway"]["healthy"]
    assert status["airflow"]["healthy"]


def test_the_served_model_has_learnt_the_newest_event_and_the_judged_one_less(loop: Loop) -> None:
    status = loop.clone.status()
    champion = status["champion"]

    decision = json.loads(
        (loop.clone.home / "validation" / f"{champion['partition']}.json").read_text()
    )

    assert champion["partition"] == max(part["key"] for part in status["partitions"])
    judged, trained = champion["judged_fit_until"], champion["trained_until"]
    assert datetime.fromisoformat(judged) < datetime.fromisoformat(trained)
    assert datetime.fromisoformat(trained) == datetime.fromisoformat(decision["last_event"])


def test_the_multitask_model_beats_popularity_in_the_report_of_the_first_version(
    loop: Loop,
) -> None:
    champion, state = loop.clone.status()["champion"], loop.clone.home / "state.git"

    metrics = json.loads(git("show", f"{champion['commit']}:reports/metrics.json", cwd=state))

    less = metrics["paired"]["live"]["popularity-multitask"]["ndcg_at_10"]
    assert less["high"] < 0


def test_a_second_demo_says_that_a_champion_is_live_and_trains_nothing(loop: Loop) -> None:
    again = loop.clone.ask("demo")

    assert again["champion"] == loop.demo["champion"]
    assert not [part for part in again["timings"] if part["step"].startswith("recommender_")]


def test_a_corrupted_partition_fails_its_run_with_the_reason_and_changes_nothing_else(
    loop: Loop, tmp_path: Path
) -> None:
    before = loop.clone.status()
    key = next_key(loop.clone)
    start = int(datetime.fromisoformat(f"{key}T00:00:00+00:00").timestamp())
    rows = (f"{n % 900}\t{n % 1600}\t4\t{(start + n) * 1000}\n" for n in range(1, 2000))
    file = tmp_path / "milliseconds.inter"
    file.write_text(HEADER + "".join(rows))
    airflow = Airflow.of(Home(loop.clone.home))

    run = airflow.trigger(INGESTION, {"from": key, "to": key, "file": str(file)})
    with pytest.raises(RunFailed, match="milliseconds") as caught:
        follow(airflow, run, Deadline(300))

    after = loop.clone.status()
    (refused,) = (part for part in after["partitions"] if part["key"] == key)
    record = (loop.clone.home / "validation" / f"{key}.json").read_text()
    assert caught.value.task_id == "validate"
    assert (refused["decision"], refused["tag"]) == ("REJECT", None)
    assert "milliseconds" in record
    assert without(after, key) == without(before, key)


def test_the_next_week_goes_live_although_a_task_is_killed_and_rolls_back_without_a_failure(
    loop: Loop, tmp_path: Path
) -> None:
    first, key = loop.clone.status()["champion"]["version"], next_key(loop.clone)
    load = start_load(loop)
    try:
        simulation, waits_for = simulate_without_a_scheduler(loop.clone, tmp_path / "told.txt")
        kill_a_task(loop.clone, "train")
        said, _ = simulation.communicate(timeout=DEMO_SECONDS)
        assert simulation.returncode == 0, (tmp_path / "told.txt").read_text()
        second = loop.clone.status()["champion"]["version"]
        start = time.monotonic()
        rolled_back = loop.clone.ask("rollback")
        seconds = time.monotonic() - start
    finally:
        load.send_signal(signal.SIGTERM)
        report, _ = load.communicate(timeout=60)

    assert re.fullmatch(WAITS_FOR_SCHEDULER, waits_for)
    (arrival,) = json.loads(said)["arrivals"]
    assert (arrival["partition"], arrival["data_tag"]) == (key, f"data/{key}")
    assert (arrival["verdict"], arrival["version"]) == ("ship", second)
    assert second != first == rolled_back["version"]
    assert seconds < ROLLBACK_SECONDS
    answered = json.loads(report)
    assert answered["outcomes"] == {"200": answered["sent"]}
    assert {first, second} <= answered["versions"].keys()
    assert loop.clone.status()["champion"]["version"] == first


def test_every_commit_of_a_run_names_an_airflow_run_that_airflow_knows_as_done(loop: Loop) -> None:
    airflow = Airflow.of(Home(loop.clone.home))

    made = loop.clone.run_commits()

    known = {one.run: airflow.state(DagRun(one.dag_id, one.airflow_run, "")) for one in made}
    assert known == {Run(one.dag_id, one.airflow_run).name: "success" for one in made}
    assert {one.dag_id for one in made} == {INGESTION, TRAINING}
    assert len(made) == len(known) == 4  # the demo's two, the next week's two


def test_a_slot_that_starts_again_serves_from_its_bento_when_all_else_of_the_model_is_gone(
    loop: Loop, tmp_path: Path
) -> None:
    home, champion = loop.clone.home, loop.clone.status()["champion"]
    for artifacts in (home / "runs").glob("*/artifacts"):
        shutil.rmtree(artifacts)
    kept = [home / name for name in ("cache", "remote", "state.git")]
    for folder in kept:
        folder.rename(tmp_path / folder.name)
    try:
        loop.clone.supervisorctl("restart", champion["slot"])
        wait_until(lambda: answers(loop.clone), "the slot to answer again", RESTART_SECONDS)
        answer = loop.clone.post("/v1/recommend", {"user_id": loop.demo["user_id"], "k": 5})
    finally:
        for folder in kept:
            (tmp_path / folder.name).rename(folder)

    assert answer.json()["model"]["version"] == champion["version"]
    assert len(answer.json()["items"]) == 5


def test_stages_of_a_run_execute_the_code_of_the_runs_own_clone(loop: Loop) -> None:
    loop.clone.ask("run", "open", "planted")
    clone = loop.clone.home / "runs" / "planted"
    family = clone / "pipelines" / "models" / "popularity" / "__init__.py"
    family.write_text(family.read_text() + PLANTED)

    ended = subprocess.run(
        [str(Path(sys.executable).with_name("tandem")), "run", "step", "planted", "train"],
        cwd=loop.clone.root,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )

    assert ended.returncode == 0, ended.stdout
    assert "planted in this clone" in ended.stdout


def simulate_without_a_scheduler(clone: Clone, told: Path) -> tuple[subprocess.Popen[str], str]:
    """Starts `simulate` while Airflow's scheduler is stopped, and starts that when it is missed.

    Returns:
        The simulation, which goes on, and what it said that it waits for.
    """
    clone.supervisorctl("stop", "airflow-scheduler")
    simulation = clone.start("simulate", "--partitions", "1", "--json", told=told)
    wait_until(lambda: bool(waits(told)), "simulate to say what it waits for", RESTART_SECONDS)
    clone.supervisorctl("start", "airflow-scheduler")
    return simulation, waits(told)[0]


def waits(told: Path) -> list[str]:
    """What a verb has said that it waits for."""
    return [line.strip() for line in told.read_text().splitlines() if "waiting for" in line]


def answers(clone: Clone) -> bool:
    """Whether the endpoint answers."""
    return clone.post("/v1/recommend", {"user_id": "anybody", "k": 1}).is_success


def seen_items(home: Path, user_id: str) -> set[str]:
    """What the source says that a user did, in the partitions that have landed."""
    columns = ["user_id", "item_id"]
    files = sorted((home / "landing").glob("dt=*/r1/interactions.parquet"))
    landed = pd.concat([pd.read_parquet(file, columns=columns) for file in files])
    return set(landed.loc[landed["user_id"] == user_id, "item_id"])


def cached_digest(home: Path, state: Path, commit: str) -> str:
    """The digest of the served artifact, computed over the objects in DVC's cache."""
    lock = git("show", f"{commit}:dvc.lock", cwd=state)
    entry = lock[lock.index("path: artifacts/refit\n") :]
    folder_hash = entry[entry.index("md5: ") + 5 :].split("\n", 1)[0].strip()
    listing = json.loads(cached(home, folder_hash).read_text())
    lines = sorted(
        f"{file['relpath']}\0{hashlib.sha256(cached(home, file['md5']).read_bytes()).hexdigest()}\n"
        for file in listing
    )
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def cached(home: Path, md5: str) -> Path:
    """An object of DVC's cache."""
    return home / "cache" / "files" / "md5" / md5[:2] / md5[2:]


def next_key(clone: Clone) -> str:
    """The first KEY of the source that is not accepted."""
    accepted = {part["key"] for part in clone.status()["partitions"] if part["tag"]}
    keys: list[str] = clone.ask("ingest", "--list")["keys"]
    return next(key for key in keys if key not in accepted)


def without(status: dict[str, Any], key: str) -> dict[str, Any]:
    """The parts of a status that a refused partition must leave alone."""
    partitions = [part for part in status["partitions"] if part["key"] != key]
    kept = ("champion", "previous", "canary", "last_verdict", "dataset")
    return {name: status[name] for name in kept} | {"partitions": partitions}


def start_load(loop: Loop) -> subprocess.Popen[str]:
    """An open load from outside, until SIGTERM."""
    body = json.dumps({"user_id": loop.demo["user_id"], "k": 10})
    script = Path(__file__).with_name("open_load.py")
    env_file = loop.clone.home / "client.env"
    return subprocess.Popen(
        [sys.executable, str(script), str(env_file), str(REQUESTS_PER_SECOND), body],
        stdout=subprocess.PIPE,
        text=True,
    )


def kill_a_task(clone: Clone, verb: str) -> None:
    """Kills the Airflow task that runs a verb, as the kernel does when memory is out."""
    found: list[psutil.Process] = []

    def at_work() -> bool:
        found[:] = [
            process
            for process in clone.processes()
            if (words := words_of(process))[-1:] == [verb] and "leash.py" in " ".join(words)
        ]
        return bool(found)

    wait_until(at_work, f"the task {verb}", DEMO_SECONDS)
    found[0].parent().kill()
