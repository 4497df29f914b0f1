"""Pseudonyms: the keyed hash itself, and where its key comes from."""

import stat
from pathlib import Path

import pytest

from pipelines.errors import BadKey, KeyLost
from pipelines.home import Home
from pipelines.identity import find_key, fingerprint, load_or_create_key, pseudonym


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.delenv("TANDEM_IDENTITY_KEY", raising=False)
    return Home(tmp_path / "home")


@pytest.mark.parametrize(
    ("key", "user_id", "expected"),
    [
        # printf 'user\0alice' | openssl dgst -sha256 -mac HMAC -macopt hexkey:00…00
        pytest.param(bytes(32), "alice", "p1_3421b0c68c255d5adcb4d3652422ff2e", id="ascii"),
        # printf 'user\0Zoë 7' | openssl dgst -sha256 -mac HMAC -macopt hexkey:abab…ab
        pytest.param(
            b"\xab" * 32, "Zoë 7", "p1_2e76f28d46160513d8d504d08286d87f", id="unicode and a space"
        ),
    ],
)
def test_a_pseudonym_is_what_openssl_says(key: bytes, user_id: str, expected: str) -> None:
    assert pseudonym(key, user_id) == expected


def test_ids_that_look_alike_as_numbers_get_different_pseudonyms() -> None:
    ids = ["7", "07", " 7", "7 ", "7.0", "-7"]

    assert len({pseudonym(bytes(32), user_id) for user_id in ids}) == len(ids)


def test_another_key_gives_another_pseudonym() -> None:
    assert pseudonym(bytes(32), "alice") != pseudonym(b"\x01" * 32, "alice")


def test_a_fingerprint_tells_keys_apart_and_not_the_key() -> None:
    key = bytes(range(32))

    assert fingerprint(key) == fingerprint(bytes(range(32)))
    assert fingerprint(key) != fingerprint(bytes(32))
    assert fingerprint(key) not in key.hex()


def test_the_key_is_made_once_and_is_for_the_owner_alone(home: Home) -> None:
    first = load_or_create_key(home)

    assert load_or_create_key(home) == first
    assert len(first) == 32
    assert stat.S_IMODE(home.identity_key.stat().st_mode) == 0o600
    assert stat.S_IMODE(home.keys.stat().st_mode) == 0o700


def test_the_variable_wins_over_the_file_and_writes_none(
    home: Home, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TANDEM_IDENTITY_KEY", "AB" * 32)

    assert load_or_create_key(home) == b"\xab" * 32
    assert not home.identity_key.exists()


@pytest.mark.parametrize("text", ["", "ab", "g" * 64, "ab" * 33])
def test_a_key_that_is_no_64_hexadecimal_digits_is_refused_without_showing_it(
    home: Home, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    monkeypatch.setenv("TANDEM_IDENTITY_KEY", text)

    with pytest.raises(BadKey) as refused:
        load_or_create_key(home)

    assert "TANDEM_IDENTITY_KEY" in refused.value.render()
    assert text == "" or text not in refused.value.render()


def test_a_damaged_key_file_is_refused_and_not_replaced(home: Home) -> None:
    home.ensure()
    home.identity_key.write_text("half a k")

    with pytest.raises(BadKey):
        load_or_create_key(home)

    assert home.identity_key.read_text() == "half a k"


def test_a_key_file_that_is_no_text_or_cannot_be_read_is_refused(home: Home) -> None:
    home.ensure()
    home.identity_key.write_bytes(b"\xff" * 64)
    with pytest.raises(BadKey, match="64 hexadecimal digits"):
        load_or_create_key(home)
    home.identity_key.unlink()
    home.identity_key.mkdir()

    with pytest.raises(BadKey, match="cannot be read: Is a directory"):
        load_or_create_key(home)


def test_looking_for_a_key_makes_none(home: Home) -> None:
    assert find_key(home) is None
    assert not home.path.exists()


def test_a_lost_key_is_not_replaced_once_partitions_were_judged_under_it(home: Home) -> None:
    load_or_create_key(home)
    (home.validation / "1998-03-02.json").write_text("{}")
    home.identity_key.unlink()

    with pytest.raises(KeyLost) as refused:
        load_or_create_key(home)

    assert refused.value.where == (str(home.identity_key),)
    assert not home.identity_key.exists()
