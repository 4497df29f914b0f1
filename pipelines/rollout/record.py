"""The deployment record on disk."""

from pipelines import storage
from pipelines.contracts.release import Deployment
from pipelines.home import Home


def read(home: Home) -> Deployment:
    """The record; a first one where nothing was deployed yet."""
    if not home.deployment.exists():
        return Deployment()
    return storage.read_record(home.deployment, Deployment)
