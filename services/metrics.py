"""The metrics of ``schemas.metrics``, counted in one registry of one process."""

from typing import Any

from fastapi import APIRouter
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.responses import Response

from schemas.metrics import METRICS, Metric


class Metrics:
    """Every metric of the table, ready to count; nothing global, so tests have their own."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._made = {metric.name: self._make(metric) for metric in METRICS}

    def __getitem__(self, metric: Metric) -> Any:
        return self._made[metric.name]

    def router(self) -> APIRouter:
        """``GET /metrics``, in Prometheus' text format."""
        router = APIRouter(include_in_schema=False)

        @router.get("/metrics")
        async def metrics() -> Response:
            return Response(generate_latest(self._registry), media_type=CONTENT_TYPE_LATEST)

        return router

    def _make(self, metric: Metric) -> Counter | Gauge | Histogram:
        name, holds, labels = metric.name, metric.holds, metric.labels
        match metric.kind:
            case "counter":
                return Counter(name, holds, labels, registry=self._registry)
            case "gauge":
                return Gauge(name, holds, labels, registry=self._registry)
            case "histogram":
                buckets = metric.buckets
                return Histogram(name, holds, labels, registry=self._registry, buckets=buckets)
