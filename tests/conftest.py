"""What every test starts from: this machine's tools, and none of its settings."""

import os
from collections.abc import Iterator

import pytest

OURS = ("TANDEM_", "AIRFLOW_", "BENTOML_", "DVC_")


@pytest.fixture(autouse=True, scope="session")
def bare_settings() -> Iterator[None]:
    """No home, key, Airflow or Git identity of whoever runs the tests; subprocesses inherit it."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [name for name in os.environ if name.startswith(OURS)]:
            patch.delenv(name)
        patch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
        yield
