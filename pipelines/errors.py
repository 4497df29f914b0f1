"""Every error that a user can cause, with its exit code and its slug.

TandemError
├── UsageError        2   usage or configuration
├── InputRefused      3   data that we do not take
├── CheckFailed       4   the gate or a deployment check said no
├── EnvironmentFault  5   the machine: ports, services, disk, locks
└── NothingToDo      99   no work (Airflow: skipped)

An error has three parts: what happened (`message`), where (`where`) and how to fix it (`hint`).
Anything else that escapes a verb is a bug: exit 1, with the traceback in a log file.
"""

from collections.abc import Sequence
from typing import ClassVar

MAX_PLACES = 3
MAX_VALUE_LENGTH = 160


class TandemError(Exception):
    """What went wrong, where, and how to fix it.

    Args:
        message: What happened, lower case, with counts and the offending value.
        where: Files, rows, parameters or URLs at fault; the first three are shown.
        hint: A command or an edit that fixes it.
    """

    code: ClassVar[str] = "error"
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str, *, where: Sequence[str] = (), hint: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.where = tuple(where)
        self.hint = hint

    def record(self) -> dict[str, object]:
        """The machine-readable form: code, message, where, hint, exit_code."""
        return {
            "code": self.code,
            "message": self.message,
            "where": list(self.where),
            "hint": self.hint,
            "exit_code": self.exit_code,
        }

    def render(self) -> str:
        """The human form: up to three lines, `error:`, `where:` and `hint:`."""
        lines = [f"error: {self.message}"]
        if self.where:
            lines.append(f"where: {places(self.where)}")
        if self.hint:
            lines.append(f"hint: {self.hint}")
        return "\n".join(lines)


def places(where: Sequence[str]) -> str:
    """The first three places, shortened, and how many more there are."""
    shown = [shorten(place) for place in where[:MAX_PLACES]]
    more = len(where) - MAX_PLACES
    return ", ".join(shown) + (f" and {more} more" if more > 0 else "")


def shorten(value: str, limit: int = MAX_VALUE_LENGTH) -> str:
    """The value, cut to `limit` characters with an ellipsis."""
    return value if len(value) <= limit else value[: limit - 1] + "…"


class UsageError(TandemError):
    """Usage or configuration is wrong: unknown parameter, bad value, no home yet."""

    code, exit_code = "usage", 2


class InputRefused(TandemError):
    """Data that we do not take; nothing was committed."""

    code, exit_code = "input-refused", 3


class CheckFailed(TandemError):
    """The gate or a deployment check said no; what is live stays live."""

    code, exit_code = "check-failed", 4


class EnvironmentFault(TandemError):
    """The machine is at fault: a port, a service, the disk, a lock."""

    code, exit_code = "environment", 5


class NothingToDo(TandemError):
    """There is no work; Airflow shows the task as skipped."""

    code, exit_code = "nothing-to-do", 99


# --- foundation: parameters, home, storage


class BadParameter(UsageError):
    """A key of params.yaml or of `-P` is unknown, or its value is not allowed."""

    code = "bad-parameter"


class NoHome(UsageError):
    """A verb needs the runtime home and there is none yet."""

    code = "no-home"


class BadRecord(InputRefused):
    """A JSON record on disk cannot be read as what it claims to be."""

    code = "bad-record"


class BadKey(UsageError):
    """The identity key is not 64 hexadecimal digits, or its file is unreadable."""

    code = "bad-identity-key"


class LockHeld(EnvironmentFault):
    """Another process works on the same thing; it is named with its pid and verb."""

    code = "lock-held"


class DiskFull(EnvironmentFault):
    """A write failed for lack of space, quota or by a file size limit."""

    code = "disk-full"


class DiskError(EnvironmentFault):
    """A write or an fsync failed; the old content is untouched."""

    code = "disk-error"


class NotWritable(EnvironmentFault):
    """A folder or a file cannot be written by this user."""

    code = "not-writable"


# --- data: ingest and validate


# --- models: fit, artifact, train, evaluate, refit, gate


# --- state: init, run, register, checkout, status


# --- release: package, deploy, rollback, up, down


# --- orchestration: Airflow, demo, simulate
