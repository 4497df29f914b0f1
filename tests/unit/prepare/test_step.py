from pathlib import Path

import pandas as pd
import pytest

from pipelines import storage
from pipelines.contracts.data import AcceptedManifest
from pipelines.errors import BadRecord, DataChanged, TooLittleData
from pipelines.models.examples import PreparedData
from pipelines.params import Params
from pipelines.prepare import step

ROOT = Path(__file__).parents[3]
DESCRIPTOR = """
name: small
title: Small
licence: ours
source: {kind: files}
clock: replay
grain: week
interactions:
  path: i.csv
  columns: {user_id: u, item_id: i, timestamp: t, value: v}
  timestamp_unit: seconds
  event: rating
items: {path: m.csv, id: i, features: [{name: year, kind: number, column: y}]}
users: {path: u.csv, id: u, features: [{name: city, kind: category, column: c}]}
tasks: [{name: watch, kind: retrieval, positive: {event: rating}}]
"""


@pytest.fixture
def clone(tmp_path, monkeypatch):
    """A folder with a descriptor, a run file and two accepted partitions; cwd is there."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "small.yaml").write_text(DESCRIPTOR)
    (tmp_path / "run.yaml").write_text("kind: recipe\n")
    for sequence, key in enumerate(("2001-01-01", "2001-01-08"), start=1):
        accept("interactions", key, sequence, make_interactions(key))
        accept("items", key, sequence, pd.DataFrame({"item_id": ["2", "1"], "year": [1.0, None]}))
        accept("users", key, sequence, pd.DataFrame({"user_id": ["a"], "city": [key]}))
    return tmp_path


@pytest.fixture
def params():
    return Params.load(ROOT / "params.yaml", ["dataset=small"])


def make_interactions(key: str) -> pd.DataFrame:
    start = pd.Timestamp(key, tz="UTC")
    frame = pd.DataFrame(
        {
            "user_id": ["a", "b"] * 5,
            "item_id": ["1", "2"] * 5,
            "timestamp": [start + pd.Timedelta(hours=hour) for hour in range(10)],
            "event": "rating",
            "value": pd.Series([4.0] * 10, dtype="float32"),
            "event_id": [f"{key}-{row}" for row in range(10)],
        }
    )
    return frame.astype({"timestamp": "datetime64[us, UTC]"})


def accept(table: str, key: str, sequence: int, frame: pd.DataFrame, revision: int = 1) -> None:
    folder = Path("data") / table / f"dt={key}"
    storage.write_table(folder / step.PART, frame)
    manifest = AcceptedManifest(
        schema=1,
        key=key,
        revision=revision,
        tag=f"data/{key}" + (f".r{revision}" if revision > 1 else ""),
        sequence=sequence,
        rows=len(frame),
        sha256=storage.sha256_file(folder / step.PART),
        source_digest="0" * 64,
    )
    storage.write_record(folder / step.MANIFEST, manifest)


def test_prepare_writes_tables_that_models_can_read(clone, params):
    prepared = step.run(params)

    data = PreparedData.load(Path("data/prepared"))
    assert (prepared.counts.train, prepared.counts.validation, prepared.counts.test) == (16, 2, 2)
    assert prepared.data_version == "data/2001-01-08"
    assert data.item_ids == ["1", "2"]
    assert list(data.interactions["user_id"]) == ["a"] * 10 + ["b"] * 10
    assert list(data.profile[[0, 9], 0]) == ["2001-01-01", "2001-01-08"]
    assert prepared.newest_event == data.timestamps.max()


@pytest.mark.parametrize(("line", "repeats"), [("", False), ("repeats: true\n", True)])
def test_prepare_tells_whether_items_may_be_chosen_again(clone, params, line, repeats):
    (clone / "datasets" / "small.yaml").write_text(DESCRIPTOR + line)

    assert step.run(params).repeats is repeats


def test_prepare_writes_equal_bytes_the_second_time(clone, params):
    step.run(params)
    first = storage.tree_digest(Path("data/prepared"))

    step.run(params)

    assert storage.tree_digest(Path("data/prepared")) == first


def test_an_amendment_of_an_older_partition_is_the_newest_data_version(clone, params):
    accept("interactions", "2001-01-01", 3, make_interactions("2001-01-01"), revision=2)

    assert step.run(params).data_version == "data/2001-01-01.r2"


def test_a_refresh_cuts_within_the_newest_partition_and_has_no_validation(clone, params):
    Path("run.yaml").write_text("kind: refresh\nfamily: cf\n")

    prepared = step.run(params)

    # the newest partition has ten events, one an hour: the cut is the ninth, at 08:00
    assert prepared.validation_cut is None
    assert prepared.test_cut == pd.Timestamp("2001-01-08T08:00Z").value // 1_000
    assert (prepared.counts.train, prepared.counts.test) == (18, 2)


def lengthen(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"x")


@pytest.mark.parametrize(
    ("name", "damage", "refusal"),
    [
        pytest.param(step.PART, lengthen, DataChanged, id="changed"),
        pytest.param(step.PART, Path.unlink, DataChanged, id="gone"),
        pytest.param(step.MANIFEST, Path.unlink, BadRecord, id="without a manifest"),
    ],
)
def test_a_damaged_partition_is_refused_by_name_and_never_left_out(
    clone, params, name, damage, refusal
):
    path = Path("data/interactions/dt=2001-01-01") / name
    damage(path)

    with pytest.raises(refusal) as caught:
        step.run(params)

    assert caught.value.where == (str(path),)


def test_no_accepted_data_is_said_so(tmp_path, monkeypatch, params):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "datasets").mkdir()
    (tmp_path / "datasets" / "small.yaml").write_text(DESCRIPTOR)
    (tmp_path / "run.yaml").write_text("kind: recipe\n")

    with pytest.raises(TooLittleData, match="no partition is accepted yet"):
        step.run(params)
