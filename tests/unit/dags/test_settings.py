import json
from datetime import UTC, datetime
from pathlib import Path

from tandem_dags import settings


def test_settings_are_what_init_wrote(tmp_path: Path) -> None:
    file = tmp_path / "settings.json"
    since = "2026-03-01T00:00:00Z"
    facts = {"name": "n", "clock": "wall", "grain": "day", "since": since, "approval": True}
    file.write_text(json.dumps(facts))

    found = settings.read(file)

    assert (found.clock, found.grain, found.approval) == ("wall", "day", True)
    assert found.since == datetime(2026, 3, 1, tzinfo=UTC)


def test_before_init_nothing_runs_by_itself_and_nobody_is_asked(tmp_path: Path) -> None:
    found = settings.read(tmp_path / "settings.json")

    assert (found.clock, found.since, found.approval) == ("replay", None, False)
