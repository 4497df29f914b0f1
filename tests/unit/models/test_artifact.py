"""An artifact folder is believed only when it is exactly what its manifest says."""

import pytest

from pipelines.errors import BadArtifact
from pipelines.models.artifact import MANIFEST, Manifest, check_files
from pipelines.storage import sha256_file, write_record


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "saved_model").mkdir()
    weights = tmp_path / "saved_model" / "weights"
    weights.write_bytes(b"weights")
    manifest = Manifest(
        schema=1,
        family="cf",
        item_ids=["a"],
        tasks=[],
        heads=[],
        task_weights=[],
        profile_fields=[],
        max_history=1,
        params={},
        data_version="data/x",
        fit_until=1,
        code_digest="0" * 64,
        files={"saved_model/weights": sha256_file(weights)},
    )
    write_record(tmp_path / MANIFEST, manifest)
    return tmp_path


def test_folder_with_exactly_its_files_is_taken(folder):
    assert check_files(folder).family == "cf"


def test_changed_file_is_refused_by_name(folder):
    (folder / "saved_model" / "weights").write_bytes(b"Weights")

    with pytest.raises(BadArtifact) as refused:
        check_files(folder)

    assert refused.value.where == (str(folder / "saved_model/weights"),)
    assert refused.value.exit_code == 4


def test_extra_file_is_refused(folder):
    (folder / "saved_model" / "extra.py").write_text("")

    with pytest.raises(BadArtifact, match="1 files are not those"):
        check_files(folder)


def test_missing_file_is_refused(folder):
    (folder / "saved_model" / "weights").unlink()

    with pytest.raises(BadArtifact, match="1 files are not those"):
        check_files(folder)


def test_link_to_equal_content_is_refused(folder, tmp_path_factory):
    weights = folder / "saved_model" / "weights"
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "weights"
    weights.rename(elsewhere)
    weights.symlink_to(elsewhere)

    with pytest.raises(BadArtifact, match="1 files are not those"):
        check_files(folder)


def test_folder_without_manifest_is_not_an_artifact(tmp_path):
    with pytest.raises(BadArtifact, match="not an artifact"):
        check_files(tmp_path)
