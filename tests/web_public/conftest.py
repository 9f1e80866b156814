"""One Chromium for the whole session; a server and a page for each test."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import pytest_asyncio
from playwright.async_api import Browser, Page, async_playwright

from .devserver import DIST, DevServer
from .footage import Footage, make_footage

CHROMIUM = "/usr/bin/chromium"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--autoplay-policy=no-user-gesture-required",
]
Open = Callable[..., Awaitable[Page]]


@pytest.fixture(scope="session")
def dist() -> Path:
    """The built pages."""
    folder = Path(os.environ.get("LINKUP_TEST_DIST", DIST))
    if not (folder / "manifest.json").is_file():
        pytest.fail("the pages are not built: cd web && npm run build")
    return folder


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Footage:
    return make_footage(tmp_path_factory.mktemp("footage"), seconds=60)


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def browser() -> AsyncIterator[Browser]:
    async with async_playwright() as playwright:
        chromium = await playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield chromium
        await chromium.close()


@pytest_asyncio.fixture(loop_scope="session")
async def server(footage: Footage, dist: Path) -> AsyncIterator[DevServer]:
    made = DevServer(footage, dist=dist)
    await made.start()
    yield made
    await made.stop()


@pytest_asyncio.fixture(loop_scope="session")
async def show(server: DevServer, browser: Browser) -> AsyncIterator[Open]:
    """Opens a page of the server; a script error on any of them fails the test."""
    contexts: list[Any] = []
    faults: list[str] = []

    async def open_page(path: str, width: int = 1280, height: int = 900, **options: Any) -> Page:
        context = await browser.new_context(
            viewport={"width": width, "height": height},
            permissions=["clipboard-read", "clipboard-write"],
            **options,
        )
        contexts.append(context)
        page = await context.new_page()
        page.on("pageerror", lambda error: faults.append(str(error)))
        page.set_default_timeout(15_000)
        await page.goto(server.url + path)
        return page

    yield open_page
    for context in contexts:
        await context.close()
    assert faults == []
