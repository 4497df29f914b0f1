"""Room that is asked for before anything is written."""

import shutil
from pathlib import Path

import pytest

from pipelines import disk
from pipelines.errors import DiskFull


def test_what_the_disk_cannot_hold_is_refused_with_needed_and_free(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free

    with pytest.raises(DiskFull, match=r"a copy needs \d+\.\d MB, \d+\.\d MB are free") as full:
        disk.require_space(tmp_path / "not" / "there", 2 * free, "a copy")

    assert full.value.where == (str(tmp_path / "not" / "there"),)


def test_what_fits_is_let_through(tmp_path: Path) -> None:
    disk.require_space(tmp_path, 1, "a copy")


def test_the_owner_of_the_nearest_thing_that_exists_is_named(tmp_path: Path) -> None:
    tmp_path.chmod(0o750)

    assert disk.owner(tmp_path / "gone") == f"{tmp_path} belongs to {tmp_path.owner()}, mode 0750"
