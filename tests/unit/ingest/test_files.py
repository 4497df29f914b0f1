import os
from pathlib import Path

import pytest

from pipelines.descriptors import FilesSource, Table
from pipelines.errors import SourceChanged, SourceChanging, UnsafePath
from pipelines.ingest.mapping import Wanted
from pipelines.ingest.sources.files import FileTables, open_regular
from pipelines.params import IngestParams

LIMITS = IngestParams(max_source_bytes=100_000, max_field_length=1_000, fetch_attempts=1)


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


def test_what_is_appended_while_a_file_is_read_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"abc")

    with open_regular(path) as (stream, _):
        with path.open("ab") as writer:
            writer.write(b"def")
        content = stream.read()

    assert content == b"abc"


@pytest.mark.parametrize("content", [b"abd", b"a"], ids=["other", "shorter"])
def test_a_file_that_is_rewritten_while_it_is_read_is_refused(
    tmp_path: Path, content: bytes
) -> None:
    path = tmp_path / "rows"
    path.write_bytes(b"abc")

    def read_while_it_is_rewritten() -> None:
        with open_regular(path) as (stream, _):
            path.write_bytes(content)
            stream.read()

    with pytest.raises(SourceChanging) as refused:
        read_while_it_is_rewritten()

    assert refused.value.where == (str(path),)


def a_source(folder: Path) -> FileTables:
    return FileTables(FilesSource(kind="files", folder=str(folder)), LIMITS)


def test_a_file_with_another_digest_than_declared_is_refused_with_both(tmp_path: Path) -> None:
    (tmp_path / "rows").write_bytes(b"abc")

    with pytest.raises(SourceChanged) as refused:
        a_source(tmp_path).read("items", Table(path="rows", sha256="0" * 64), Wanted({}))

    assert "ba7816bf" in refused.value.message
    assert "0" * 64 in refused.value.message


@pytest.mark.parametrize("path", ["../rows", "a/../../rows", "/etc/hostname"])
def test_a_path_that_leads_out_of_the_folder_is_refused(tmp_path: Path, path: str) -> None:
    (tmp_path / "rows").write_bytes(b"abc")
    folder = tmp_path / "folder"
    folder.mkdir()

    with pytest.raises(UnsafePath):
        a_source(folder).read("items", Table(path=path), Wanted({}))
