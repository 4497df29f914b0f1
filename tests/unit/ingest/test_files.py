import os
from pathlib import Path

import pytest

from pipelines.descriptors import FilesSource, Table
from pipelines.errors import SourceChanged, UnsafePath
from pipelines.ingest.sources.files import FileTables, open_regular


def test_a_regular_file_gives_its_bytes_and_digest(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"abc")

    with open_regular(tmp_path / "rows") as (stream, digest):
        content = stream.read()

    assert content == b"abc"
    # SHA-256 of "abc", FIPS 180-2 appendix B.1
    assert digest == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"


@pytest.mark.parametrize("kind", ["link", "folder", "fifo", "missing", "nul"])
def test_what_is_no_regular_file_is_refused_without_waiting(tmp_path: Path, kind: str) -> None:
    (tmp_path / "rows").write_bytes(b"abc")
    (tmp_path / "link").symlink_to(tmp_path / "rows")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "fifo")
    path = tmp_path / ("a\0b" if kind == "nul" else kind)

    with pytest.raises(UnsafePath) as refused, open_regular(path):
        pass

    assert refused.value.where == (str(path),)


def test_a_file_with_another_digest_than_declared_is_refused(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"abc")
    source = FileTables(FilesSource(kind="files", folder=str(tmp_path)))

    with pytest.raises(SourceChanged), source.open(Table(path="rows", sha256="0" * 64)):
        pass
