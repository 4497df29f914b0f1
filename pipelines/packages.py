"""Installed packages against a lock file: what is missing, and what has another version."""

import re
from importlib import metadata

_PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^\s;\\]+)", re.MULTILINE)
_SEPARATORS = re.compile(r"[-_.]+")


def pins(lock: str) -> dict[str, str]:
    """Version by package of a lock file; names in their one normal form."""
    return {_normal(name): version for name, version in _PIN.findall(lock)}


def installed() -> dict[str, str]:
    """Version by package of what this interpreter can import."""
    found = ((entry.name, entry.version) for entry in metadata.distributions())
    return {_normal(name): version for name, version in found if name}


def differences(lock: str) -> list[str]:
    """Packages of the lock that are not installed as it says, as `numpy 2.1.0 (lock: 2.0.0)`."""
    present = installed()
    return [
        f"{name} {present.get(name, 'missing')} (lock: {version})"
        for name, version in sorted(pins(lock).items())
        if present.get(name) != version
    ]


def _normal(name: str) -> str:
    return _SEPARATORS.sub("-", name).lower()
