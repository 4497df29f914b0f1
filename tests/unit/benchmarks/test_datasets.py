"""What the page about all data sets says, and the one change that a data set asks for."""

from pathlib import Path

from benchmarks.datasets import _rename, markdown
from pipelines.params import Params

ROOT = Path(__file__).parents[3]
FIGURE = {"value": 0.05, "low": 0.04, "high": 0.06, "n_events": 9, "n_users": 3}
FOUND = {
    "counts": {"users": 5, "items": 7, "train": 1000, "validation": 80, "test": 90},
    "n_users": 3,
    "families": {"popularity": {"live": FIGURE, "window": FIGURE}, "cf": {"live": FIGURE}},
    "winner": "cf",
    "verdict": "hold",
    "reason": "Undecided: superior.",
    "seconds": {"all": 120.0},
    "peak_gb": 1.25,
}


def test_the_page_marks_the_winner_and_gives_intervals_sizes_and_the_verdict() -> None:
    page = markdown({"shop": FOUND})

    assert "| **cf** | 0.0500 (0.0400 … 0.0600) | - |" in page
    assert "| popularity | 0.0500 (0.0400 … 0.0600) | 0.0500 (0.0400 … 0.0600) |" in page
    assert "3 users of the test window with 90 events, 7 items, 1,000 events to learn from" in page
    assert "Verdict: **hold** of cf. Undecided: superior." in page


def test_a_data_set_asks_for_no_change_but_its_name(tmp_path: Path) -> None:
    own = tmp_path / "params.yaml"
    own.write_text((ROOT / "params.yaml").read_text())

    _rename(own, "movielens-small", None)

    assert Params.load(own) == Params.load(ROOT / "params.yaml", ["dataset=movielens-small"])


def test_fewer_families_are_trained_only_where_asked_for(tmp_path: Path) -> None:
    own = tmp_path / "params.yaml"
    own.write_text((ROOT / "params.yaml").read_text())

    _rename(own, "movielens-small", "popularity,cf")

    assert Params.load(own).families == ["popularity", "cf"]
