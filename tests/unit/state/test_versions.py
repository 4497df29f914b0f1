"""Names of versions and of data versions."""

import pytest

from pipelines.state import versions


@pytest.mark.parametrize(
    ("tag", "key"),
    [
        ("data/1998-03-09", "1998-03-09"),
        ("data/1998-03-09.r2", "1998-03-09"),
        ("data/1998-03-09T14.r12", "1998-03-09T14"),
    ],
)
def test_the_key_of_a_data_version(tag: str, key: str) -> None:
    assert versions.partition_of(tag) == key
