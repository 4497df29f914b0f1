import json
from pathlib import Path

import pandas as pd

from pipelines.home import Home
from pipelines.validate import quarantine
from pipelines.validate.decision import Sorted

TEXT = pd.DataFrame(
    {
        "user_id": ["u1", "naïve <b>", "u3"],
        "value": ["3", "9", "3"],
        "source_line": [2, 3, 4],
        "fault": "",
    }
)


def test_a_refused_row_is_kept_as_it_came_with_its_line_and_reasons() -> None:
    entries = quarantine.entries("interactions", TEXT, Sorted(3, {1: ["value-range"]}, [2], {}))

    assert entries == [
        {
            "table": "interactions",
            "source_line": 3,
            "reasons": ["value-range"],
            "row": {"user_id": "naïve <b>", "value": "9"},
        },
        {
            "table": "interactions",
            "source_line": 4,
            "reasons": ["duplicate"],
            "row": {"user_id": "u3", "value": "3"},
        },
    ]


def test_writing_again_replaces_and_writing_nothing_removes(tmp_path: Path) -> None:
    home = Home(tmp_path).ensure()

    first = quarantine.write(home, "1998-03-02", [{"source_line": 1}, {"source_line": 2}])
    quarantine.write(home, "1998-03-02", [{"source_line": 3}])

    lines = (first / "rows.jsonl").read_text().splitlines()
    assert [json.loads(line) for line in lines] == [{"source_line": 3}]
    quarantine.write(home, "1998-03-02", [])
    assert not first.exists()
