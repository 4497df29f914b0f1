"""Pseudonyms of users: a keyed hash, so that no table of ours holds a raw user id."""

import hashlib
import hmac
import os
import re
import secrets

from pipelines import disk, storage
from pipelines.errors import BadKey, KeyLost
from pipelines.home import Home

PREFIX = "p1_"
KEY_BYTES = 32
PSEUDONYM_HEX = 32
_HEX = re.compile(r"[0-9a-f]{64}")


def load_or_create_key(home: Home) -> bytes:
    """The identity key, 32 bytes: TANDEM_IDENTITY_KEY if set, else the home's, made if missing.

    Raises:
        BadKey: The variable or the file is not 64 hexadecimal digits, or the file is unreadable.
        KeyLost: There is none, and partitions were judged under one that was.
    """
    found = find_key(home)
    if found is not None:
        return found
    if any(home.validation.glob("*.json")):
        raise KeyLost(
            "the identity key is gone, and users were named by it",
            where=[str(home.identity_key)],
            hint="restore it from a backup, or set TANDEM_IDENTITY_KEY to it; under another key "
            "every user would be a stranger",
        )
    home.ensure()
    made = secrets.token_bytes(KEY_BYTES)
    storage.write_new(home.identity_key, f"{made.hex()}\n".encode(), mode=0o600)
    return stored_key(home) or made  # of two makers at once the first wins


def find_key(home: Home) -> bytes | None:
    """The identity key, 32 bytes, if there is one; nothing is made.

    Raises:
        BadKey: The variable or the file is not 64 hexadecimal digits, or the file is unreadable.
    """
    named = os.environ.get("TANDEM_IDENTITY_KEY")
    return stored_key(home) if named is None else _parse(named, "TANDEM_IDENTITY_KEY")


def stored_key(home: Home) -> bytes | None:
    """The identity key that the home keeps, 32 bytes, if it has one.

    Raises:
        BadKey: The file is not 64 hexadecimal digits, or is unreadable.
    """
    try:
        content = home.identity_key.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise BadKey(
            f"the identity key cannot be read: {error.strerror}",
            where=[str(home.identity_key)],
            hint=f"{disk.owner(home.identity_key)}; run as its owner, or restore the file",
        ) from error
    return _parse(content.decode(errors="replace"), str(home.identity_key))


def pseudonym(key: bytes, user_id: str) -> str:
    """`p1_` and 32 hex digits of HMAC-SHA-256(key, "user" NUL id)."""
    digest = hmac.new(key, b"user\0" + user_id.encode(), hashlib.sha256).hexdigest()
    return PREFIX + digest[:PSEUDONYM_HEX]


def fingerprint(key: bytes) -> str:
    """16 hex digits that name a key without telling it."""
    return hashlib.sha256(b"fingerprint\0" + key).hexdigest()[:16]


def _parse(text: str, source: str) -> bytes:
    text = text.strip().lower()
    if not _HEX.fullmatch(text):
        raise BadKey(
            "the identity key is not 64 hexadecimal digits",
            where=[source],
            hint="make one with `openssl rand -hex 32`; a changed key makes every user a stranger",
        )
    return bytes.fromhex(text)
