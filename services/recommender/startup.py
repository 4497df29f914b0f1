"""From a bento's files to something that answers: checked, loaded, proven by golden requests.

Loading takes seconds (TensorFlow's import, mostly), so it runs beside the server: until it is
done, and when it fails, /readyz says so.
"""

import gc
import logging
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from services.recommender import golden
from services.recommender.answering import Answerer
from services.recommender.answers import Release, Slot
from services.recommender.artifact import Artifact, ArtifactRefused
from services.recommender.identity import read_key
from services.recommender.online import OnlineStore, StoreUnavailable
from services.recommender.problems import Problem

logger = logging.getLogger(__name__)

SLOTS: dict[str, Slot | None] = {"": None, "blue": "blue", "green": "green"}
RETRY = {"Retry-After": "1"}


@dataclass(frozen=True)
class Settings:
    """What the slot's environment says."""

    slot: Slot | None
    api_key_file: Path
    identity_key_file: Path
    online_db: Path

    @classmethod
    def read(cls, environment: Mapping[str, str] = os.environ) -> "Settings":
        """The settings of this process.

        Raises:
            RuntimeError: A variable is missing, or names no slot.
        """
        names = ("TANDEM_API_KEY_FILE", "TANDEM_IDENTITY_KEY_FILE", "TANDEM_ONLINE_DB")
        missing = [name for name in names if not environment.get(name)]
        if missing:
            raise RuntimeError(f"not set: {', '.join(missing)}; `tandem deploy` sets them")
        slot = environment.get("TANDEM_SLOT", "")
        if slot not in SLOTS:
            raise RuntimeError("TANDEM_SLOT must be blue, green or not set")
        return cls(SLOTS[slot], *(Path(environment[name]) for name in names))


class Startup:
    """The answerer of this worker, once there is one."""

    def __init__(self, folder: Path, settings: Settings, release: Release) -> None:
        self._folder = folder
        self._settings = settings
        self._release = release
        self._answerer: Answerer | None = None
        self._refusal = ""

    def run(self) -> None:
        """Checks, loads and proves; never raises, since `answerer` tells."""
        try:
            self._answerer = self._open()
        except ArtifactRefused as error:
            self._refusal = f"the model was refused: {error}"
            logger.error(self._refusal)
        except Exception as error:
            self._refusal = f"the model could not be loaded: {type(error).__name__}"
            logger.exception("start-up failed")

    @property
    def is_ready(self) -> bool:
        """Whether requests are answered."""
        return self._answerer is not None and self._answerer.is_open

    def answerer(self) -> Answerer:
        """What answers requests.

        Raises:
            Problem: not-ready, with the reason.
        """
        if self._answerer is None:
            detail = self._refusal or "the model is being loaded"
            raise Problem("not-ready", detail, headers=RETRY)
        return self._answerer

    def _open(self) -> Answerer:
        artifact = Artifact(self._folder, self._release.model_digest)
        count = golden.replay(artifact)
        store = OnlineStore(self._settings.online_db)
        key = read_key(self._settings.identity_key_file)
        answerer = Answerer(artifact, store, key, self._release)
        try:
            answerer.open_store()
        except StoreUnavailable as error:
            logger.warning("%s; /readyz tries again", error)
        gc.collect()
        gc.freeze()  # a full collection with TensorFlow loaded stops the worker for 0.3 s
        logger.info("%s answered %d golden requests as expected", self._release.version, count)
        return answerer
