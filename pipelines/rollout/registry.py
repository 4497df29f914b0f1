"""The registry stage `production`: Git records what was intended, and follows what is live."""

from pipelines.home import Home
from pipelines.progress import log
from pipelines.state import versions


def tell(home: Home, live: str) -> None:
    """Assigns the live version to production; says so where the registry said another one.

    Raises:
        UnknownVersion: The registry has no such version.
    """
    before = versions.assigned(home)
    if before != live:
        versions.assign(home, live)
        log(f"registry: {live} is in production, in place of {before or 'nothing'}")
