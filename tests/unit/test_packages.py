"""What a lock file pins, and what of it is not installed."""

import importlib.metadata

import pytest

from pipelines import packages

LOCK = """\
psutil=={psutil} \\
    --hash=sha256:00
Typing_Extensions=={typing} \\
    --hash=sha256:00
    # via pydantic
"""


@pytest.fixture
def lock() -> str:
    versions = {
        "psutil": importlib.metadata.version("psutil"),
        "typing": importlib.metadata.version("typing-extensions"),
    }
    return LOCK.format(**versions)


def test_an_environment_as_the_lock_says_has_no_difference(lock: str) -> None:
    assert set(packages.pins(lock)) == {"psutil", "typing-extensions"}
    assert packages.differences(lock) == []


def test_another_version_and_a_missing_package_are_named(lock: str) -> None:
    other = lock.replace("psutil==", "psutil==0.") + "not-there==1.0 \\\n    --hash=sha256:00\n"

    assert packages.differences(other) == [
        "not-there missing (lock: 1.0)",
        f"psutil {importlib.metadata.version('psutil')} "
        f"(lock: 0.{importlib.metadata.version('psutil')})",
    ]
