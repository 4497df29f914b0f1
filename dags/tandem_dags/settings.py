"""What the DAGs know of the home: `settings.json`, which `tandem init` writes beside them."""

import json
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

FILE = Path(__file__).parent.parent / "settings.json"


@dataclass(frozen=True)
class Settings:
    """The data set's clock and the owner's choices; without a home, nothing runs by itself."""

    clock: str = "replay"
    grain: str = "week"
    since: datetime | None = None
    """The start of the first KEY that ingestion runs for by itself; aware."""
    approval: bool = False
    """Whether a person must agree before a version goes live."""


def read(file: Path = FILE) -> Settings:
    """The settings on file, or the defaults where there is none yet."""
    try:
        found = json.loads(file.read_bytes())
    except FileNotFoundError:
        return Settings()
    return Settings(
        clock=found["clock"],
        grain=found["grain"],
        since=datetime.fromisoformat(found["since"]),
        approval=found["approval"],
    )
