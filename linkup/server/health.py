"""Is it alive, is it ready, what does it count: for whoever watches over the server."""

from __future__ import annotations

import msgspec
from aiohttp import web

from linkup.server.context import context


def routes() -> list[web.RouteDef]:
    """/healthz, /readyz, /metrics."""
    return [
        web.get("/healthz", healthz),
        web.get("/readyz", readyz),
        web.get("/metrics", metrics),
    ]


async def healthz(_request: web.Request) -> web.Response:
    """200 when control lives."""
    return _json({"status": "ok"}, 200)


async def readyz(request: web.Request) -> web.Response:
    """200 when all four processes do."""
    processes = {"control": True, **context(request).studio.ready()}
    ready = all(processes.values())
    return _json({"ready": ready, "processes": processes}, 200 if ready else 503)


async def metrics(request: web.Request) -> web.Response:
    """Prometheus' text format."""
    return web.Response(
        body=context(request).metrics.text(),
        headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"},
    )


def _json(value: object, status: int) -> web.Response:
    return web.Response(
        status=status,
        body=msgspec.json.encode(value),
        content_type="application/json",
        headers={"Cache-Control": "no-store"},
    )
