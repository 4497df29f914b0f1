"""Who may call: one bearer key, compared in constant time."""

import hashlib
import hmac
from pathlib import Path

from services.recommender.problems import Problem

CHALLENGE = {"WWW-Authenticate": 'Bearer realm="tandem"'}
SCHEME = "bearer"


class ApiKey:
    """The key that every /v1 route asks for; only its digest is kept."""

    def __init__(self, key: str) -> None:
        if not key:
            raise ValueError("the API key is empty")
        self._digest = _digest(key)

    @classmethod
    def read(cls, path: Path) -> "ApiKey":
        """The key in a file."""
        return cls(path.read_text(encoding="utf-8").strip())

    def check(self, authorization: str | None) -> None:
        """Lets the caller pass, or refuses.

        Args:
            authorization: The Authorization header; keys are read nowhere else.

        Raises:
            Problem: unauthenticated, the same for a missing, malformed and wrong key.
        """
        scheme, _, given = (authorization or "").partition(" ")
        is_equal = hmac.compare_digest(_digest(given.strip()), self._digest)
        if scheme.lower() != SCHEME or not is_equal:
            detail = "send Authorization: Bearer KEY with a valid key"
            raise Problem("unauthenticated", detail, headers=CHALLENGE)


def _digest(key: str) -> bytes:
    return hashlib.sha256(key.encode(errors="surrogateescape")).digest()
