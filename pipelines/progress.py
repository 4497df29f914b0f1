"""Progress of long work, on stderr: bars for a person, plain lines for a log file."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

Item = TypeVar("Item")
LINES_PER_RUN = 10

stderr = Console(stderr=True)


def log(message: str) -> None:
    """One line on stderr, without markup."""
    stderr.print(message, markup=False, highlight=False, soft_wrap=True)


def track(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    """The same items, with progress: a bar on a terminal, about ten lines elsewhere."""
    if not sys.stderr.isatty():
        yield from _lines(items, description, total)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=stderr) as bar:
        yield from bar.track(items, total=total, description=description)


@contextmanager
def waiting(description: str) -> Iterator[Callable[[str], None]]:
    """A line that lives while we wait, on a terminal; the block gets a function to reword it."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    with stderr.status(description) as line:
        yield line.update


def _lines(items: Iterable[Item], description: str, total: int) -> Iterator[Item]:
    every = max(1, total // LINES_PER_RUN)
    for number, item in enumerate(items, start=1):
        yield item
        if number % every == 0 or number == total:
            log(f"{description}: {number}/{total}")
