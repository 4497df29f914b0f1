"""The platform and the service must give one user one pseudonym."""

from pathlib import Path

import pytest

from pipelines import identity as platform
from services.recommender import identity as service

KEY = bytes(range(32))
USER_IDS = ["196", "007", "-9223372036854775808", " a b ", "né", "ne\u0301", "🎬", "x" * 256]


@pytest.mark.parametrize("user_id", USER_IDS)
def test_both_sides_make_the_same_pseudonym(user_id: str) -> None:
    assert service.pseudonym(KEY, user_id) == platform.pseudonym(KEY, user_id)


def test_the_pseudonym_is_the_one_of_the_data_contract() -> None:
    # (printf 'user\000'; printf 196) | openssl dgst -sha256 -mac HMAC -macopt hexkey:000102…1f
    assert service.pseudonym(KEY, "196") == "p1_f65f3537699631ad8cef3e854b5e10de"


def test_another_key_makes_another_pseudonym() -> None:
    assert service.pseudonym(bytes(32), "196") != service.pseudonym(KEY, "196")


def test_the_service_reads_the_key_file_that_the_platform_writes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pipelines.home import Home

    monkeypatch.delenv("TANDEM_IDENTITY_KEY", raising=False)
    home = Home(tmp_path)

    key = platform.load_or_create_key(home)

    assert service.read_key(home.identity_key) == key


@pytest.mark.parametrize("content", ["", "00" * 31, "00" * 33, "zz" * 32])
def test_the_service_refuses_a_damaged_key_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "identity"
    path.write_text(content)

    with pytest.raises(ValueError, match="hexadecimal"):
        service.read_key(path)
