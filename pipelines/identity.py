"""Pseudonyms of users: a keyed hash, so that no table of ours holds a raw user id."""

import hashlib
import hmac
import os
import re
import secrets

from pipelines import storage
from pipelines.errors import BadKey, KeyLost
from pipelines.home import Home

PREFIX = "p1_"
KEY_BYTES = 32
PSEUDONYM_HEX = 32
_HEX = re.compile(r"[0-9a-f]{64}")


def load_or_create_key(home: Home) -> bytes:
    """The identity key, 32 bytes: TANDEM_IDENTITY_KEY if set, else the home's, made if missing.

    Raises:
        BadKey: The variable or the file is not 64 hexadecimal digits.
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
    storage.write_new(home.identity_key, f"{secrets.token_hex(KEY_BYTES)}\n".encode(), mode=0o600)
    return _parse(home.identity_key.read_text(), str(home.identity_key))


def find_key(home: Home) -> bytes | None:
    """The identity key, 32 bytes, if there is one; nothing is made.

    Raises:
        BadKey: The variable or the file is not 64 hexadecimal digits.
    """
    named = os.environ.get("TANDEM_IDENTITY_KEY")
    if named is not None:
        return _parse(named, "TANDEM_IDENTITY_KEY")
    if not home.identity_key.exists():
        return None
    return _parse(home.identity_key.read_text(), str(home.identity_key))


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
