"""Prometheus metrics of one worker. Labels hold routes, codes and versions, never an id.

BentoML's own HTTP metrics are switched off: they label by raw path, so that strangers could grow
them without bound. And they live in a folder that both slots would share, hence our own registry.
"""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from pydantic import BaseModel

from services.recommender.answers import Release

BUCKETS = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0)  # seconds
MEDIA_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """The counters and histograms of this worker."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.requests = self._counter("requests", "Requests.", "route", "status")
        self.problems = self._counter("problems", "Refusals.", "route", "code")
        self.fallbacks = self._counter("fallbacks", "Less than personal answers.", "reason")
        self.warnings = self._counter("warnings", "Warnings in answers.", "code")
        self.seconds = Histogram(
            "tandem_request_seconds",
            "Time from the request's first byte to the answer's last.",
            ("route",),
            buckets=BUCKETS,
            registry=self.registry,
        )
        labels = ("version", "family", "data_version", "slot")
        self.model = self._gauge("model_info", "1 for the release that answers.", *labels)
        self.ready = self._gauge("ready", "1 once requests are answered.")

    def describe(self, release: Release, slot: str | None) -> None:
        """Says which release this worker answers with."""
        labels = (release.version, release.family, release.data_version, slot or "")
        self.model.labels(*labels).set(1)

    def count(self, answer: BaseModel) -> None:
        """Counts what an answer says about itself."""
        for warning in getattr(answer, "warnings", ()):
            self.warnings.labels(warning.code).inc()
        if reason := getattr(answer, "fallback", None):
            self.fallbacks.labels(reason).inc()

    def exposition(self) -> bytes:
        """The text that Prometheus reads."""
        return generate_latest(self.registry)

    def _counter(self, name: str, text: str, *labels: str) -> Counter:
        return Counter(f"tandem_{name}", text, labels, registry=self.registry)

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"tandem_{name}", text, labels, registry=self.registry)
