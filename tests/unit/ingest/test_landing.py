from pathlib import Path

import pandas as pd

from pipelines import storage
from pipelines.contracts.data import LandingManifest, TableName
from pipelines.home import Home
from pipelines.ingest.landing import Delivery, land
from pipelines.ingest.tables import RawTable

KEY = "1998-03-09"


def delivery(*users: str) -> Delivery:
    frame = pd.DataFrame(
        {"user_id": pd.Series(users, dtype="str"), "source_line": range(2, 2 + len(users))}
    )
    tables: dict[TableName, RawTable] = {"interactions": RawTable(frame, [])}
    return Delivery("tiny", KEY, tables, source="rows.csv", source_digest="0" * 64)


def test_equal_content_is_landed_once_and_other_content_is_the_next_revision(
    tmp_path: Path,
) -> None:
    home = Home(tmp_path).ensure()

    landed = [land(home, delivery(*users), None) for users in ("ab", "ab", "abc", "ab")]

    assert [entry.revision for entry in landed if entry] == [1, 1, 2, 1]
    assert sorted(path.name for path in (home.landing / f"dt={KEY}").iterdir()) == ["r1", "r2"]


def test_the_manifest_names_every_file_by_its_digest(tmp_path: Path) -> None:
    landed = land(Home(tmp_path).ensure(), delivery("a", "b"), None)

    assert landed
    folder = Path(landed.path)
    manifest = storage.read_record(folder / "manifest.json", LandingManifest)
    assert manifest.tables["interactions"].sha256 == storage.sha256_file(
        folder / "interactions.parquet"
    )
    assert manifest.digest == landed.digest


def test_what_is_accepted_already_is_not_landed(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()
    first = land(home, delivery("a", "b"), None)

    assert first
    assert land(home, delivery("a", "b"), first.digest) is None


def test_a_folder_without_a_manifest_does_not_count(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()
    (home.landing / f"dt={KEY}" / ".new.0123abcd.tmp").mkdir(parents=True)

    landed = land(home, delivery("a"), None)

    assert landed
    assert landed.revision == 1
    assert [path.name for path in (home.landing / f"dt={KEY}").iterdir()] == ["r1"]
