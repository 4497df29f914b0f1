"""`tandem run commit`, killed with all its children at one point after the other."""

import sys
from dataclasses import dataclass

from tests.integration import killing_tracer, small_state
from tests.integration.small_state import SmallState
from tests.integration.whole_state import assert_whole, commits_of, published


@dataclass
class Kills:
    """What was tried."""

    points: int = 0
    """How many tries were killed."""
    after_publishing: int = 0
    """How many of them after the refs were pushed."""


def until_it_succeeds(small: SmallState, run_id: str, step: int, first: int = 1) -> Kills:
    """Commits again and again; try n is killed at point `first + n * step`, the last not at all.

    Each try goes on from what the one before it left. After the refs are pushed a try has less to
    do, so the points begin anew. After every kill the state is whole, and the refs are either
    those from before or the final ones.
    """
    kills, before, point = Kills(), published(small), first
    final: dict[str, str] | None = None
    while True:
        ended = killing_tracer.run(point, _command(run_id), small_state.REPOSITORY)
        assert_whole(small)
        now = published(small)
        if final is None and now != before:
            final, point = now, 0
        assert now == (final or before), f"half-published at point {point}: {ended.last}"
        assert len(commits_of(small, run_id)) == (0 if final is None else 1)
        if ended.code is not None:
            assert ended.code == 0
            assert final is not None
            return kills
        kills.points += 1
        kills.after_publishing += final is not None
        point += step


def at(small: SmallState, run_id: str, point: int) -> None:
    """One try, killed at that point."""
    assert killing_tracer.run(point, _command(run_id), small_state.REPOSITORY).code is None
    assert_whole(small)


def _command(run_id: str) -> list[str]:
    return [sys.executable, "-m", "pipelines", "run", "commit", run_id]
