"""What the server counts, in Prometheus's format."""

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)  # bounds of the histogram


class Metrics:
    """Counters of one server.

    Args:
        pending: Function that returns how many requests are computed or wait.
    """

    def __init__(self, pending: Callable[[], int]) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self.requests = Counter(
            "keras_textcnn_requests", "Requests answered.", ("route", "model", "status"), registry=self._registry
        )
        self.seconds = Histogram(
            "keras_textcnn_request_seconds",
            "Seconds from the head of a request to the end of its response.",
            ("route",),
            buckets=SECONDS,
            registry=self._registry,
        )
        self.texts = Counter("keras_textcnn_texts", "Texts answered.", ("model",), registry=self._registry)
        self.version = Gauge(
            "keras_textcnn_model_version", "The version that answers.", ("model",), registry=self._registry
        )
        self.refused = Counter(
            "keras_textcnn_refused_versions", "Damaged runs that were not opened.", ("model",), registry=self._registry
        )
        gauge = Gauge("keras_textcnn_pending_requests", "Requests computed or waiting.", registry=self._registry)
        gauge.set_function(pending)

    def page(self) -> bytes:
        """All of them, in Prometheus's text format."""
        return generate_latest(self._registry)
