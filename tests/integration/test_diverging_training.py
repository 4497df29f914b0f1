"""A training that diverges ends at once, says where, and leaves what stood there."""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.contracts.model import ARTIFACTS, PREPARED, TRAIN_REPORTS
from tests.world import make_world

ROOT = Path(__file__).parents[2]
SMALL = ("multitask.batch_pages=64",)


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The world, prepared, with an artifact and a report of a former training."""
    make_world().write(tmp_path / PREPARED)
    shutil.copyfile(ROOT / "params.yaml", tmp_path / "params.yaml")
    (tmp_path / "run.yaml").write_text("kind: recipe\n")
    for path in (ARTIFACTS / "multitask" / "card.md", TRAIN_REPORTS / "multitask.json"):
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text("former")
    return tmp_path


def train(clone: Path, *overrides: str) -> "subprocess.CompletedProcess[str]":
    words = [word for override in (*SMALL, *overrides) for word in ("-P", override)]
    command = [sys.executable, "-m", "pipelines", "train", "--family", "multitask", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "TANDEM_HOME": str(clone / "var")}
    return subprocess.run(
        [*command, "--json"],
        cwd=clone,
        env=environment,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )


def test_a_loss_that_is_no_number_ends_the_training_by_task_and_epoch(clone: Path) -> None:
    done = train(clone, "multitask.learning_rate=1.0e6")

    error = json.loads(done.stdout)["error"]
    assert (done.returncode, error["code"]) == (4, "non-finite")
    assert error["where"] == ["task click", "epoch 1"]
    assert "lower multitask.learning_rate" in error["hint"]
    assert "Traceback" not in done.stderr
    assert "epoch 2" not in done.stderr
    assert (clone / ARTIFACTS / "multitask" / "card.md").read_text() == "former"
    assert (clone / TRAIN_REPORTS / "multitask.json").read_text() == "former"
    assert [path.name for path in (clone / ARTIFACTS).iterdir()] == ["multitask"]
