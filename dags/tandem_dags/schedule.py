"""When ingestion runs by itself: once per KEY of a live source; never while data is replayed.

A run's data interval is its KEY, from its start to the next one's, some minutes later (docs:
decision 8). So a KEY has one scheduled run, and a backfill of a range finds the same runs again.
"""

from datetime import datetime

from airflow.sdk import CronDataIntervalTimetable

from tandem_dags.settings import Settings

CRON = {
    "hour": "10 * * * *",
    "day": "20 0 * * *",
    "week": "20 0 * * 1",
    "month": "20 0 1 * *",
}
"""UTC, some minutes after a KEY has ended, so that late rows are in."""


def of_source(settings: Settings) -> CronDataIntervalTimetable | None:
    """A run at the end of each KEY; none under the replay clock or before `init`."""
    if settings.clock != "wall":
        return None
    return CronDataIntervalTimetable(CRON[settings.grain], timezone="UTC")


def key_of(start: datetime, settings: Settings) -> str:
    """The KEY of the data interval that starts at an instant in UTC."""
    return f"{start:%Y-%m-%dT%H}" if settings.grain == "hour" else f"{start:%Y-%m-%d}"
