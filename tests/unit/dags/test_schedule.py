import json
from pathlib import Path

import pytest

from tandem_dags import schedule


@pytest.mark.parametrize(
    ("clock", "grain", "expected"),
    [
        pytest.param("replay", "week", None, id="replayed data come when somebody asks"),
        pytest.param("wall", "week", "20 0 * * 1", id="weeks end on Monday"),
        pytest.param("wall", "hour", "10 * * * *", id="hours"),
    ],
)
def test_ingestion_runs_by_the_grain_of_a_live_source(
    tmp_path: Path, clock: str, grain: str, expected: str | None
) -> None:
    dataset = tmp_path / "dataset.json"
    dataset.write_text(json.dumps({"name": "n", "clock": clock, "grain": grain}))

    assert schedule.of_source(dataset) == expected


def test_ingestion_has_no_schedule_before_a_home_is_made(tmp_path: Path) -> None:
    assert schedule.of_source(tmp_path / "dataset.json") is None
