"""Which fault of the disk a program died of, and which of its folders is at fault."""

import signal
from pathlib import Path

import pytest

from pipelines.errors import DiskError, DiskFull, EnvironmentFault, NotWritable
from pipelines.state.last_words import disk_fault


@pytest.mark.parametrize(
    ("said", "kind", "message"),
    [
        ("fatal: write error: No space left on device", DiskFull, "no space left"),
        ("fatal: fsync error on 'x': Disk quota exceeded", DiskFull, "quota"),
        ("fatal: sha1 file 'x' write error: File too large", DiskFull, "file size limit"),
        ("fatal: fsync error on 'x': Input/output error", DiskError, "Input/output error"),
        ("error: insufficient permission for adding an object", NotWritable, "may not write"),
        ("fatal: detected dubious ownership in repository", NotWritable, "may not write"),
    ],
)
def test_the_words_of_git_name_the_fault(
    tmp_path: Path, said: str, kind: type[EnvironmentFault], message: str
) -> None:
    found = disk_fault(f"first\n{said}\n", 128, [tmp_path])

    assert type(found) is kind
    assert message in found.message
    assert found.where == (str(tmp_path), "first", said)


def test_the_signal_of_the_file_size_limit_needs_no_words(tmp_path: Path) -> None:
    assert isinstance(disk_fault("", -signal.SIGXFSZ, [tmp_path]), DiskFull)


def test_other_words_are_no_fault_of_the_disk(tmp_path: Path) -> None:
    assert disk_fault("fatal: bad object HEAD", 128, [tmp_path]) is None


def test_a_folder_that_is_gone_is_passed_over(tmp_path: Path) -> None:
    found = disk_fault("No space left on device", 1, [tmp_path / "gone", tmp_path])

    assert found is not None
    assert found.where[0] == str(tmp_path)
