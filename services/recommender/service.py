"""The BentoML service: one class, one model, pinned by the release that its bento carries."""

import os
from pathlib import Path
from typing import Any

# before BentoML and TensorFlow are imported: each reads these once
os.environ.setdefault("OTEL_SDK_DISABLED", "true")  # tracing halves the requests per second
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "-1")  # the answers were proven on a CPU
os.environ.pop("PROMETHEUS_MULTIPROC_DIR", None)  # BentoML's folder, which both slots would share

import bentoml
from starlette.types import ASGIApp, Receive, Scope, Send

from services.recommender.answers import Release
from services.recommender.application import Application
from services.recommender.auth import ApiKey
from services.recommender.startup import Settings, Startup

RELEASE = Release.model_validate_json((Path(__file__).parent / "release.json").read_bytes())
ARTIFACT = "artifact"  # the folder inside the BentoML model
LIVEZ = "/livez"


class Front:
    """Hands HTTP requests to the application, and the life span and /livez to BentoML."""

    def __init__(self, app: ASGIApp, service: type["Recommender"]) -> None:
        self._app = app
        self._service = service

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One ASGI scope."""
        application = self._service.application
        if scope["type"] != "http" or scope["path"] == LIVEZ or application is None:
            await self._app(scope, receive, send)
        else:
            await application(scope, receive, send)


@bentoml.service(
    name="recommender",
    workers=1,
    traffic={"timeout": 30},
    metrics={"enabled": False},  # ours are better: see metrics.py
    logging={"access": {"enabled": False}},  # paths and timing only, at a third of the speed
)
class Recommender:
    """Recommendations from one model and the online store."""

    model = bentoml.models.BentoModel(RELEASE.model)
    application: Application | None = None

    def __init__(self) -> None:
        settings = Settings.read()
        startup = Startup(Path(self.model.path_of(ARTIFACT)), settings, RELEASE)
        key = ApiKey.read(settings.api_key_file)
        type(self).application = Application(startup, key, RELEASE, settings.slot)


_made: Any = Recommender  # by the decorator: a Service around the class, which mypy does not see
_made.add_asgi_middleware(Front, service=_made.inner)
