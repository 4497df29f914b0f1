"""Two readers of one artifact folder, which may not import each other: they must agree."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pipelines.errors import TandemError
from pipelines.models import artifact as platform
from pipelines.storage import sha256_file
from services.recommender import artifact as service
from tests.integration.tiny_catalogue import HEADS, ITEM_IDS, PROFILE_FIELDS, TASKS

Change = Callable[[Path], object]


def write_manifest(folder: Path, **changes: Any) -> None:
    files = [path for path in folder.rglob("*") if path.is_file() and path.name != "manifest.json"]
    manifest = {
        "schema": 1,
        "family": "popularity",
        "item_ids": ITEM_IDS,
        "tasks": TASKS,
        "heads": HEADS,
        "task_weights": [1.0, 0.0, 0.0],
        "profile_fields": PROFILE_FIELDS,
        "max_history": 20,
        "params": {},
        "data_version": "data/1998-03-30",
        "fit_until": 891_820_721_000_000,
        "code_digest": "0" * 64,
        "files": {path.relative_to(folder).as_posix(): sha256_file(path) for path in files},
    }
    (folder / "manifest.json").write_text(json.dumps({**manifest, **changes}))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder that both take; its graph is never loaded here."""
    folder = tmp_path / "artifact"
    (folder / "saved_model" / "variables").mkdir(parents=True)
    (folder / "saved_model" / "saved_model.pb").write_bytes(b"graph")
    (folder / "saved_model" / "variables" / "variables.index").write_bytes(b"weights")
    (folder / "golden.json").write_text("{}")
    (folder / "card.md").write_text("# Card\n")
    write_manifest(folder)
    return folder


def appended(name: str) -> Change:
    return lambda folder: (folder / name).write_bytes((folder / name).read_bytes() + b"x")


def added(name: str) -> Change:
    return lambda folder: (folder / name).write_bytes(b"x")


def removed(name: str) -> Change:
    return lambda folder: (folder / name).unlink()


def linked(name: str) -> Change:
    def change(folder: Path) -> None:
        target = folder.parent / "outside"
        (folder / name).rename(target)
        (folder / name).symlink_to(target)

    return change


def without(key: str) -> Change:
    def change(folder: Path) -> None:
        path = folder / "manifest.json"
        manifest = json.loads(path.read_text())
        del manifest[key]
        path.write_text(json.dumps(manifest))

    return change


def test_both_take_a_sound_artifact_and_read_the_same(folder: Path) -> None:
    ours = platform.check_files(folder)

    theirs = service.read_manifest(folder)

    assert theirs == ours.model_dump(by_alias=True, exclude_unset=True)
    assert service.model_digest(folder) == platform.model_digest(folder)


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(appended("saved_model/saved_model.pb"), id="changed graph"),
        pytest.param(appended("saved_model/variables/variables.index"), id="changed weights"),
        pytest.param(appended("golden.json"), id="changed golden requests"),
        pytest.param(added("extra.txt"), id="extra file"),
        pytest.param(added("saved_model/saved_model.pbtxt"), id="second graph"),
        pytest.param(removed("card.md"), id="missing card"),
        pytest.param(removed("manifest.json"), id="missing manifest"),
        pytest.param(linked("card.md"), id="link"),
        pytest.param(lambda folder: (folder / "manifest.json").write_text("{"), id="not JSON"),
        pytest.param(lambda folder: write_manifest(folder, schema=2), id="another schema"),
        pytest.param(without("item_ids"), id="no items"),
        pytest.param(without("heads"), id="no heads"),
        pytest.param(without("files"), id="no digests"),
    ],
)
def test_both_refuse_a_damaged_artifact(folder: Path, change: Change) -> None:
    change(folder)

    with pytest.raises(TandemError):
        platform.check_files(folder)
    with pytest.raises(service.ArtifactRefused):
        service.read_manifest(folder)
