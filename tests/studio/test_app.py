"""The control process as a whole, with its real store and its real server."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest_asyncio

from linkup import app
from linkup.runtime import Place
from tests.studio.stage import SITES, Process

SERVER = "server: {host: 127.0.0.1, port: 0}\n"


@pytest_asyncio.fixture
async def place() -> AsyncIterator[Place]:
    with tempfile.TemporaryDirectory(prefix="lk-") as name:
        folder = Path(name)
        sites = folder / "sites.yaml"
        sites.write_text(SITES + SERVER, encoding="utf-8")
        yield Place(run=folder, data=folder / "data", sites=sites)


@asynccontextmanager
async def running(place: Place) -> AsyncIterator[str]:
    """Control, until the end of the block; its address."""
    stop = asyncio.Event()
    published = place.run / "server.json"
    before = published.stat().st_mtime_ns if published.exists() else 0
    task = asyncio.create_task(app.main(place, stop))
    try:
        async with asyncio.timeout(20):
            while not published.exists() or published.stat().st_mtime_ns == before:
                await asyncio.sleep(0.01)
                if task.done():
                    await task
        told = json.loads(published.read_text())
        assert told["port"] and told["url"].endswith(str(told["port"])) and told["media_port"]
        yield f"http://127.0.0.1:{told['port']}"
    finally:
        stop.set()
        await task


async def test_it_serves_is_stopped_and_takes_the_show_up_again(place: Place) -> None:
    async with aiohttp.ClientSession() as client:
        async with running(place) as url:
            first = url
            processes = [Process(name, place.control_socket) for name in ("program", "record")]
            for each in processes:
                await each.connect()
            async with client.get(f"{url}/healthz") as answer:
                assert answer.status == 200
            async with client.get(f"{url}/readyz") as answer:
                assert answer.status == 503  # media is not there
            socket = await client.ws_connect(f"{url}/ws/watch/river")
            state = await socket.receive_json(timeout=5)
            assert state["type"] == "state" and state["title"]["en"] == "River"
            await socket.close()
        for each in processes:
            await each.disconnect()
        media = Process("media", place.control_socket)
        connecting = asyncio.create_task(_connect(media))
        async with running(place) as url:  # the same run: waits for media before it serves
            await connecting
            assert url == first  # pages find it where it was, though any port was allowed
            async with client.get(f"{url}/metrics") as answer:
                assert "linkup_process_media_up 1.0" in await answer.text()
            await media.disconnect()


async def _connect(process: Process) -> None:
    """As a real process does: again and again until control is there."""
    async with asyncio.timeout(20):
        while True:
            try:
                await process.connect()
                return
            except OSError:
                await asyncio.sleep(0.02)
