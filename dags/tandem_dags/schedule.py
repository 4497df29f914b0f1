"""When ingestion runs by itself: by the data set's grain; never while old data is replayed."""

import json
from pathlib import Path

DATASET = Path(__file__).parent.parent / "dataset.json"
"""Written by `tandem init` beside the DAG files: `{"name": …, "clock": …, "grain": …}`."""

CRON = {
    "hour": "10 * * * *",
    "day": "20 0 * * *",
    "week": "20 0 * * 1",
    "month": "20 0 1 * *",
}
"""UTC, some minutes after a KEY has ended, so that late rows are in."""


def of_source(dataset: Path = DATASET) -> str | None:
    """The cron line of the data set's grain; none under the replay clock or before `init`."""
    try:
        described = json.loads(dataset.read_bytes())
    except FileNotFoundError:
        return None
    return CRON[described["grain"]] if described["clock"] == "wall" else None
