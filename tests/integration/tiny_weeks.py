"""A small data set in files: six weeks, 30 users, 40 items, and a descriptor that says so."""

import shutil
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parents[2]
WEEK_SECONDS = 7 * 86_400
FIRST = int(datetime(2001, 1, 1, tzinfo=UTC).timestamp())
KEYS = ["2001-01-01", "2001-01-08", "2001-01-15", "2001-01-22", "2001-01-29", "2001-02-05"]
ROWS_PER_WEEK = 120
HEADER = "user\titem\tstars\twhen"
DESCRIPTOR = """
name: tiny
title: Six weeks
licence: none
source: {kind: files, folder: source}
clock: replay
grain: week
interactions:
  path: interactions.tsv
  format: {delimiter: "\\t", quoted: false}
  columns: {user_id: user, item_id: item, timestamp: when, value: stars}
  timestamp_unit: seconds
  event: rating
  value_scale: {minimum: 1.0, maximum: 5.0}
items:
  path: items.tsv
  format: {delimiter: "\\t", quoted: false}
  id: item
  features:
    - {name: title, kind: text, column: title}
    - {name: year, kind: number, column: year}
    - {name: genres, kind: tags, column: genres, separator: " "}
users:
  path: users.tsv
  format: {delimiter: "\\t", quoted: false}
  id: user
  features: [{name: age, kind: number, column: age}]
tasks:
  - {name: watch, kind: retrieval, positive: {event: rating}}
  - {name: like, kind: binary, label: {value: {at_least: 4.0}}}
"""


def week(number: int) -> list[list[str]]:
    """The clean rows of a week: user, item, stars, when; 120 distinct pairs."""
    random = np.random.default_rng(number)
    pairs = random.permutation(30 * 40)[:ROWS_PER_WEEK]
    stars = random.permutation(np.tile([1, 2, 3, 4, 4, 5], ROWS_PER_WEEK // 6))
    times = FIRST + number * WEEK_SECONDS + np.sort(random.integers(0, WEEK_SECONDS, len(pairs)))
    return [
        [f"u{pair // 40:02}", f"i{pair % 40:02}", str(star), str(when)]
        for pair, star, when in zip(pairs, stars, times, strict=True)
    ]


def text(rows: list[list[str]], header: str = HEADER) -> bytes:
    """The rows as the source writes them."""
    return "".join(f"{line}\n" for line in [header, *map("\t".join, rows)]).encode()


def changed(rows: list[list[str]], column: int, change: Callable[[str], str]) -> list[list[str]]:
    """The rows with every cell of one column changed."""
    return [[*row[:column], change(row[column]), *row[column + 1 :]] for row in rows]


def write_clone(folder: Path, n_weeks: int = len(KEYS)) -> None:
    """A clone's descriptor, parameters and source files."""
    (folder / "datasets").mkdir(parents=True)
    (folder / "datasets" / "tiny.yaml").write_text(DESCRIPTOR)
    shutil.copy(ROOT / "params.yaml", folder)
    source = folder / "source"
    source.mkdir()
    rows = [row for number in range(n_weeks) for row in week(number)]
    (source / "interactions.tsv").write_bytes(text(rows))
    items = [[f"i{i:02}", f"Film {i}", str(1980 + i), "Drama War"] for i in range(40)]
    (source / "items.tsv").write_bytes(text(items, "item\ttitle\tyear\tgenres"))
    users = [[f"u{u:02}", str(20 + u)] for u in range(30)]
    (source / "users.tsv").write_bytes(text(users, "user\tage"))
