"""One finding a check, whatever the check meets: a doctor must not fall ill of what it looks at."""

from collections.abc import Callable
from typing import NamedTuple

from pipelines.contracts.doctor import Finding
from pipelines.errors import TandemError, places

GIGABYTE = 1e9


class Check(NamedTuple):
    """A check by its name."""

    name: str
    look: Callable[[str], Finding]
    """Gets the name."""


def ok(name: str, detail: str) -> Finding:
    """All is well."""
    return Finding(name=name, verdict="ok", detail=detail)


def warn(name: str, detail: str, hint: str) -> Finding:
    """It works, and somebody should know."""
    return Finding(name=name, verdict="warn", detail=detail, hint=hint)


def fail(name: str, detail: str, hint: str) -> Finding:
    """Something does not work, or will not."""
    return Finding(name=name, verdict="fail", detail=detail, hint=hint)


def made(check: Check) -> Finding:
    """What a check finds; one that cannot be made has found something, too."""
    try:
        return check.look(check.name)
    except TandemError as error:
        where = f" ({places(error.where)})" if error.where else ""
        return fail(check.name, f"{error.message}{where}", error.hint)
    except Exception as error:
        return fail(check.name, f"cannot be checked: {type(error).__name__}: {error}", "")
