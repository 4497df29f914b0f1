from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from croniter import croniter

from pipelines import timeline
from pipelines.airflow import INGESTION_POOL
from pipelines.descriptors import Grain
from tandem_dags import schedule
from tandem_dags.settings import Settings, read

MOMENTS = [datetime(2024, 2, 29, 23, 59, tzinfo=UTC) + timedelta(hours=n) for n in range(800)]


@pytest.mark.parametrize("grain", schedule.CRON)
def test_each_interval_of_the_schedule_is_one_key_and_starts_soon_after_it(grain: Grain) -> None:
    settings = Settings(clock="wall", grain=grain)

    for moment in MOMENTS:
        start = croniter(schedule.CRON[grain], moment).get_prev(datetime)
        key = schedule.key_of(start, settings)
        period = timeline.period(key, grain)
        late = start.timestamp() - period.start_us / 1e6
        assert 0 < late <= 20 * 60


def test_replayed_data_come_when_somebody_asks() -> None:
    assert schedule.of_source(Settings(clock="replay", grain="week")) is None


def test_ingestion_has_no_schedule_before_a_home_is_made(tmp_path: Path) -> None:
    assert schedule.of_source(read(tmp_path / "settings.json")) is None


def test_a_live_source_is_ingested_at_the_end_of_each_key() -> None:
    timetable = schedule.of_source(Settings(clock="wall", grain="week"))

    assert timetable is not None
    assert timetable.expression == "20 0 * * 1"


def test_the_pool_that_up_makes_is_the_one_that_ingestion_asks_for() -> None:
    source = Path(schedule.__file__).with_name("operators.py").read_text()

    assert f'INGESTION_POOL = "{INGESTION_POOL}"' in source
