"""`client.env`: what a client needs to call us; and the API key in it."""

import secrets
import shlex
from collections.abc import Mapping

from pipelines import storage
from pipelines.home import Home

KEY_PREFIX = "tdm_"
KEY_BYTES = 32


def api_key(home: Home) -> str:
    """The prediction API's bearer key; the first call makes it."""
    if not home.api_key.exists():
        key = KEY_PREFIX + secrets.token_urlsafe(KEY_BYTES)
        storage.write_new(home.api_key, f"{key}\n".encode(), mode=0o600)
    return home.api_key.read_text().strip()


def write(home: Home, values: Mapping[str, str]) -> None:
    """Sets these variables in client.env (0600) and keeps the others."""
    merged = {**read(home), **values}
    lines = [f"{name}={shlex.quote(value)}\n" for name, value in merged.items()]
    storage.write_atomic(home.client_env, "".join(lines).encode(), mode=0o600)


def read(home: Home) -> dict[str, str]:
    """The variables in client.env; empty when there is none."""
    if not home.client_env.exists():
        return {}
    words = shlex.split(home.client_env.read_text(), comments=True)
    return dict(word.split("=", 1) for word in words)
