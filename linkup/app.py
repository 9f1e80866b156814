"""The control process: store, hub, studio and server put together, and taken apart again."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

from linkup import store as stores
from linkup.config import Settings
from linkup.hub import Hub
from linkup.runtime import Place
from linkup.server import application
from linkup.studio import Studio

WAIT_FOR_MEDIA_S = 3.0


async def main(place: Place, stop: asyncio.Event) -> None:
    """Run the control process until `stop`."""
    settings = place.settings()
    place.data.mkdir(parents=True, exist_ok=True)
    store = await stores.open(stores.database_file(place.data))
    hub = Hub(place)
    studio = Studio(settings, hub, store, place.data, run=place.run.name)
    try:
        again = await studio.start()
        await hub.start(studio)
        if again:
            # Pages come back within a second and ask whether their media lives: the answer must
            # be known by then, or every picture would be renewed for nothing.
            await studio.adopted(WAIT_FOR_MEDIA_S)
        await _serve(place, settings, studio, store, stop)
    finally:
        await studio.stop()
        await hub.stop()
        await store.close()


async def _serve(
    place: Place, settings: Settings, studio: Studio, store: stores.Store, stop: asyncio.Event
) -> None:
    published = place.run / "server.json"
    settings = _same_port(settings, published)
    app = application.make(place, settings, studio, store)
    async with application.run(app, settings) as listening:
        where = {"url": listening.url, "port": listening.port}
        publish(published, where | {"media_port": settings.server.media_port})
        await stop.wait()


def _same_port(settings: Settings, published: Path) -> Settings:
    """With "any free port" configured, a restarted control must be found where it was."""
    if settings.server.port != 0:
        return settings
    try:
        port = int(json.loads(published.read_text(encoding="utf-8"))["port"])
    except (OSError, ValueError, KeyError, TypeError):
        return settings
    server = settings.server.model_copy(update={"port": port})
    return settings.model_copy(update={"server": server})


def publish(file: Path, content: dict[str, object]) -> None:
    """Write a small JSON file so that a reader sees the old one, the new one, or none."""
    draft = file.with_suffix(".new")
    draft.write_text(json.dumps(content), encoding="utf-8")
    os.replace(draft, file)
