"""A clone of this repository with a small live source: hours of ratings, popularity alone.

Each hour that ended lately is a KEY with 120 rows, so that all steps are real and take seconds.
"""

from datetime import UTC, datetime, timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from tests.end_to_end.clone import Clone, git
from tests.integration import tiny_weeks

HOUR = timedelta(hours=1)
N_HOURS = 8
# what a few dozen events cannot show
GATE = {"gate__min_events": "10", "gate__min_users": "5", "gate__max_calibration_error": "0.9"}
DESCRIPTOR = (
    tiny_weeks.DESCRIPTOR.replace("name: tiny", "name: hourly")
    .replace("clock: replay", "clock: wall")
    .replace("grain: week", "grain: hour")
)


def make(root: Path) -> tuple[Clone, list[datetime]]:
    """The clone, and the starts of its KEYs, oldest first; its home is not made yet."""
    clone = Clone.make(root, dataset="hourly", families="[popularity]", blends="[]", **GATE)
    starts = _write_source(root)
    git("add", "--all", cwd=root)
    git("commit", "--quiet", "--message", "Take the hourly source", cwd=root)
    return clone, starts


def _write_source(root: Path) -> list[datetime]:
    with TemporaryDirectory() as folder:
        tiny_weeks.write_clone(Path(folder) / "tiny")
        (Path(folder) / "tiny" / "source").rename(root / "source")
    (root / "datasets" / "hourly.yaml").write_text(DESCRIPTOR)
    now = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
    starts = [now - n * HOUR for n in range(N_HOURS, 0, -1)]
    rows = [row for number, start in enumerate(starts) for row in _hour(number, start)]
    (root / "source" / "interactions.tsv").write_bytes(tiny_weeks.text(rows))
    return starts


def _hour(number: int, start: datetime) -> list[list[str]]:
    """The rows of a small week, squeezed into an hour; everybody likes every other item."""
    begin = tiny_weeks.FIRST + number * tiny_weeks.WEEK_SECONDS
    squeeze = HOUR.total_seconds() / tiny_weeks.WEEK_SECONDS
    return [
        [
            user,
            item,
            _stars(item, stars),
            str(int(start.timestamp() + (int(when) - begin) * squeeze)),
        ]
        for user, item, stars, when in tiny_weeks.week(number)
    ]


def _stars(item: str, stars: str) -> str:
    """So that popularity has something to tell of a task, and its first release ships."""
    return max(stars, "4") if int(item[1:]) % 2 else min(stars, "3")
