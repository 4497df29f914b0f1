"""What must hold of data after each fault, and how a verb may end."""

import json
import re
from pathlib import Path

from pipelines import storage
from pipelines.contracts.data import LandingManifest
from tests.faults.data_verbs import Ended


def succeeds(ended: Ended) -> Ended:
    assert ended.status == 0, ended.said
    return ended


def refused(ended: Ended, code: str, status: int) -> dict[str, object]:
    """A verb that ended as an error of ours: slug, where and hint, and no traceback."""
    assert ended.status == status, ended.said
    assert "Traceback" not in ended.said
    line = next(line for line in ended.said.splitlines() if line.startswith('{"error"'))
    error: dict[str, object] = json.loads(line)["error"]
    assert error["code"] == code
    assert error["where"]
    assert error["hint"]
    assert re.search(r"\bu\d\d\b", str(error)) is None  # no user id
    return error


def assert_landing_whole(clone: Path) -> None:
    """A folder of a revision has all that its manifest says, or does not exist."""
    for folder in (clone / "var/landing").glob("dt=*/r*"):
        manifest = storage.read_record(folder / "manifest.json", LandingManifest)
        for name, table in manifest.tables.items():
            assert storage.sha256_file(folder / f"{name}.parquet") == table.sha256


def assert_tables_whole(clone: Path) -> None:
    """A folder of accepted rows has all that its manifest says, or does not exist."""
    for path in (clone / "data").glob("*/dt=*"):
        manifest = storage.read_json(path / "manifest.json")
        assert storage.sha256_file(path / "part-0.parquet") == manifest["sha256"]


def leftovers(clone: Path) -> list[Path]:
    return list(clone.rglob("*.tmp"))
