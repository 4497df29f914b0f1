"""Pseudonyms of users, as the platform makes them: raw ids reach no store, log or metric.

The twin of pipelines/identity.py, which serving may not import; a contract test holds them equal.
"""

import hashlib
import hmac
from pathlib import Path

PREFIX = "p1_"
PSEUDONYM_HEX = 32
KEY_HEX = 64


def read_key(path: Path) -> bytes:
    """The identity key, 32 bytes, from a file of 64 hexadecimal digits.

    Raises:
        ValueError: The file holds something else.
    """
    text = path.read_text(encoding="ascii").strip()
    if len(text) != KEY_HEX:
        raise ValueError("the identity key is not 64 hexadecimal digits")
    return bytes.fromhex(text)


def pseudonym(key: bytes, user_id: str) -> str:
    """`p1_` and 32 hex digits of HMAC-SHA-256(key, "user" NUL id)."""
    digest = hmac.new(key, b"user\0" + user_id.encode(), hashlib.sha256).hexdigest()
    return PREFIX + digest[:PSEUDONYM_HEX]
