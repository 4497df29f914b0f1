import hashlib
from pathlib import Path

import pytest

from pipelines import storage
from pipelines.descriptors import WheelSource
from pipelines.errors import LockHeld
from pipelines.home import Home
from pipelines.ingest.sources import wheel

CONTENT = b"a wheel"
SOURCE = WheelSource(
    kind="wheel", requirement="rows==1.0", sha256=hashlib.sha256(CONTENT).hexdigest()
)


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path).ensure()


def test_a_wheel_that_is_there_needs_no_lock(home: Home) -> None:
    path = home.landing / wheel.FOLDER / "rows-1.0-py3-none-any.whl"
    path.parent.mkdir()
    path.write_bytes(CONTENT)

    with storage.lock(home.locks / "source.lock", "fetch"):
        assert wheel.fetch(SOURCE, home, attempts=1) == path


def test_one_process_fetches_a_wheel_and_leaves_nothing_in_the_landing(home: Home) -> None:
    with storage.lock(home.locks / "source.lock", "fetch"), pytest.raises(LockHeld):
        wheel.fetch(SOURCE, home, attempts=1)

    assert list(home.landing.iterdir()) == []
