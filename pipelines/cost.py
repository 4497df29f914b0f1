"""What steps cost: seconds and memory, in `reports/cost.json`.

Kept out of every DVC output, because equal inputs must give equal outputs.
"""

import functools
import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import ParamSpec, TypeVar

from pipelines import storage

COST = Path("reports/cost.json")
KIBIBYTE = 1024

Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


def measured(name: str) -> Callable[[Callable[Arguments, Result]], Callable[Arguments, Result]]:
    """Records what a step costs when it succeeds."""

    def decorate(step: Callable[Arguments, Result]) -> Callable[Arguments, Result]:
        @functools.wraps(step)
        def run(*args: Arguments.args, **kwargs: Arguments.kwargs) -> Result:
            with measure(name):
                return step(*args, **kwargs)

        return run

    return decorate


@contextmanager
def measure(name: str) -> Iterator[None]:
    """Records seconds and peak memory of the block, if it ends without an error."""
    start = time.perf_counter()
    yield
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * KIBIBYTE
    note(name, seconds=round(time.perf_counter() - start, 3), peak_memory_bytes=peak)


def note(name: str, **figures: float) -> None:
    """Writes figures under a name; other names keep theirs."""
    known = storage.read_json(COST) if COST.exists() else {}
    storage.write_json(COST, dict(sorted({**known, name: figures}.items())))
