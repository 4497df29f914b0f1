"""Waiting for something, with a deadline, and saying for what."""

import time
from collections.abc import Callable
from typing import TypeVar

from pipelines.errors import AirflowUnreachable, WaitedTooLong
from pipelines.progress import log

POLL_SECONDS = 1.0
SILENT_SECONDS = 15.0
"""An obstacle is said when it lasts so long: a scheduler takes some seconds for everything."""

Found = TypeVar("Found")


class Deadline:
    """The instant after which waiting ends.

    Args:
        seconds: From now.
        clock: Monotonic seconds.
        sleep: Takes seconds.
    """

    def __init__(
        self,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._seconds = seconds
        self._clock = clock
        self._sleep = sleep
        self._end = clock() + seconds

    def wait_for(
        self,
        look: Callable[[], Found | None],
        what: str,
        why: Callable[[], str],
        hint: str = "",
        *,
        silent_seconds: float = SILENT_SECONDS,
    ) -> Found:
        """What `look` finds, once it finds something; an Airflow that is away is waited for too.

        Args:
            look: None while there is nothing yet.
            what: What we wait for, in words for people.
            why: What keeps it, said when it changes; "" while all goes well.
            hint: What to do when it never comes.
            silent_seconds: How long an obstacle must last before it is said.

        Raises:
            WaitedTooLong: The deadline has passed.
        """
        start = since = self._clock()
        kept_by = said = ""
        while True:
            try:
                found, obstacle = look(), ""
            except AirflowUnreachable as error:
                found, obstacle = None, _explained(why) or error.message
            if found is not None:
                return found
            obstacle, now = obstacle or _explained(why), self._clock()
            if now >= self._end:
                raise self._too_long(f"waited {now - start:.0f} s for {what}", obstacle, hint)
            if obstacle != kept_by:
                kept_by, since = obstacle, now
            if obstacle not in ("", said) and now - since >= silent_seconds:
                log(f"  … waiting for {what}: {obstacle}")
                said = obstacle
            self._sleep(POLL_SECONDS)

    def _too_long(self, message: str, obstacle: str, hint: str) -> WaitedTooLong:
        return WaitedTooLong(
            message + (f": {obstacle}" if obstacle else ""),
            where=[f"{self._seconds:.0f} s were allowed for all"],
            hint=hint,
        )


def _explained(why: Callable[[], str]) -> str:
    try:
        return why()
    except AirflowUnreachable as error:
        return error.message
