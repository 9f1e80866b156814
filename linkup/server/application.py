"""One aiohttp application of all parts, and how it listens."""

from __future__ import annotations

import asyncio
import contextlib
import resource
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import structlog
from aiohttp import web

from linkup.config import Settings
from linkup.errors import ConfigError
from linkup.invite import addresses
from linkup.invite.tokens import signing_key
from linkup.runtime import Place
from linkup.server import (
    api,
    errors,
    health,
    hls,
    media_http,
    pages,
    security,
    signalling,
)
from linkup.server.assets import Assets
from linkup.server.auth import Doorkeeper
from linkup.server.context import CONTEXT, Context
from linkup.server.lines import KEPT_FREE, Lines
from linkup.server.metrics import Metrics
from linkup.server.peers import Peers
from linkup.server.viewers import Viewers
from linkup.store import Store
from linkup.studio.face import StudioFace

log = structlog.get_logger()

MAX_LINES = 20_000
OTHER_FILES = 4000  # descriptors for requests that are no sockets of pages, and for files
MAX_BODY = 1024 * 1024  # bytes
VIEWERS_S = 1.0
SHUTDOWN_S = 2.0


@dataclass(frozen=True, slots=True)
class Listening:
    """Where a running server listens."""

    host: str
    port: int
    url: str  # as links begin, without a slash at the end


def make(place: Place, settings: Settings, studio: StudioFace, store: Store) -> web.Application:
    """The application. The store stays its caller's to close."""
    doorkeeper = Doorkeeper(settings, signing_key(place.data), store)
    shared = Context(
        place=place,
        settings=settings,
        studio=studio,
        store=store,
        doorkeeper=doorkeeper,
        assets=Assets(),
        viewers=Viewers(),
        peers=Peers(studio, doorkeeper, settings.server.max_peers),
        metrics=Metrics(),
    )
    app = web.Application(
        middlewares=[
            shared.metrics.count,
            errors.boundary,
            security.behind_proxy,
            security.own_pages_only,
        ],
        client_max_size=MAX_BODY,
    )
    app[CONTEXT] = shared
    app[signalling.LINES] = Lines(studio.levels, most_lines())
    app[signalling.WATCHED] = signalling.Watched(studio, app[signalling.LINES])
    app[hls.PLAYLISTS] = hls.Playlists()
    app[media_http.PROBES] = set()
    for part in (pages, signalling, media_http, hls, api, health):
        app.router.add_routes(part.routes())
    app.on_response_prepare.append(security.headers)
    app.cleanup_ctx.extend((_listen_to_studio, _patrol, _count_viewers))
    app.on_shutdown.append(_close_lines)
    shared.metrics.figures(lambda: _figures(app))
    return app


def most_lines() -> int:
    """How many sockets of pages this process may hold: each costs a file descriptor."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MAX_LINES + OTHER_FILES
    if soft < wanted:
        with contextlib.suppress(OSError, ValueError):
            most = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
            resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
            soft = most
    return max(KEPT_FREE + 100, min(MAX_LINES, soft - OTHER_FILES))


@asynccontextmanager
async def run(app: web.Application, settings: Settings) -> AsyncIterator[Listening]:
    """Listen until the end of the block. Raises `ConfigError` when the port is taken."""
    data = app[CONTEXT].place.data
    server = settings.server
    tls = await asyncio.to_thread(_tls, data, settings)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S)
    await runner.setup()
    try:
        site = web.TCPSite(
            runner, server.host, server.port, ssl_context=tls, reuse_address=True, backlog=1024
        )
        try:
            await site.start()
        except OSError as error:
            where = f"{server.host}:{server.port}"
            raise ConfigError(
                [f"server.port: cannot listen on {where}: {error.strerror or error}"]
            ) from None
        port = runner.addresses[0][1]
        addresses.write_running(data, server.host, port)
        listening = Listening(server.host, port, addresses.url_base(data, settings))
        log.info("listening", host=server.host, port=port, url=listening.url)
        yield listening
    finally:
        addresses.forget_running(data)
        await runner.cleanup()


def _tls(data: Path, settings: Settings) -> ssl.SSLContext | None:
    if settings.server.tls.mode == "off":
        return None
    # Imported only here: a restart is quicker without it.
    from linkup.server.certificates import tls_context

    return tls_context(data, settings)


async def _listen_to_studio(app: web.Application) -> AsyncIterator[None]:
    stop = app[CONTEXT].studio.listen(app[signalling.LINES].heard)
    yield
    stop()


async def _patrol(app: web.Application) -> AsyncIterator[None]:
    async with app[CONTEXT].doorkeeper.on_duty():
        yield


async def _count_viewers(app: web.Application) -> AsyncIterator[None]:
    shared = app[CONTEXT]

    async def count() -> None:
        said = None
        while True:
            now = shared.viewers.count()
            if now != said:
                said = now
                shared.studio.watching(now)
            await asyncio.sleep(VIEWERS_S)

    task = asyncio.create_task(count())
    yield
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _close_lines(app: web.Application) -> None:
    await app[signalling.LINES].restart()


def _figures(app: web.Application) -> dict[str, float]:
    shared = app[CONTEXT]
    refused = {
        f"tokens_refused_{code.replace('-', '_')}_total": float(count)
        for code, count in shared.doorkeeper.refused.items()
    }
    return {
        **shared.studio.figures(),
        **refused,
        "sockets_open": float(len(app[signalling.LINES])),
        "viewers": float(shared.viewers.count()),
    }
