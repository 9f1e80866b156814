"""/metrics: what the server counts itself, and the studio's figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from aiohttp import web
from aiohttp.typedefs import Handler
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Histogram,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector

from linkup.server.errors import route_of

_BUCKETS = (0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 10.0)


disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each, which nobody reads


class _Figures(Collector):
    """Reads figures at the moment of the question. Names that end in `_total` are counters."""

    def __init__(self, read: Callable[[], dict[str, float]]) -> None:
        self._read = read

    def collect(self) -> Iterator[Metric]:
        for name, value in self._read().items():
            if name.endswith("_total"):
                yield CounterMetricFamily(f"linkup_{name[:-6]}", name, value=value)
            else:
                yield GaugeMetricFamily(f"linkup_{name}", name, value=value)


class Metrics:
    """A registry of its own: two servers in one process (tests) do not meet."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._requests = Counter(
            "linkup_http_requests",
            "HTTP requests by route and status.",
            ("method", "route", "status"),
            registry=self.registry,
        )
        self._seconds = Histogram(
            "linkup_http_request_seconds",
            "Time to answer a request.",
            ("route",),
            buckets=_BUCKETS,
            registry=self.registry,
        )

    def figures(self, read: Callable[[], dict[str, float]]) -> None:
        """Show what `read` gives, under `linkup_` names."""
        self.registry.register(_Figures(read))

    def text(self) -> bytes:
        """Prometheus' text format."""
        return generate_latest(self.registry)

    @web.middleware
    async def count(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Counts and times every request but WebSockets, which last for hours."""
        started = time.perf_counter()
        status = 500
        try:
            response = await handler(request)
            status = response.status
            return response
        except web.HTTPException as error:
            status = error.status
            raise
        except ConnectionError:
            status = 499  # the client went away
            raise
        finally:
            route = route_of(request)
            self._requests.labels(_method(request.method), route, str(status)).inc()
            if status != 101:
                self._seconds.labels(route).observe(time.perf_counter() - started)


def _method(method: str) -> str:
    known = ("GET", "HEAD", "POST", "PATCH", "DELETE", "OPTIONS")
    return method if method in known else "other"
