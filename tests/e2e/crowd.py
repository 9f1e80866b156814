"""Simulated sites at a test's server, and an operator's WebSocket."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from linkup.crowd.client import Manners
from linkup.crowd.footage import Kitchen, recipes
from linkup.crowd.looks import Look
from linkup.crowd.pages import Page, socket_url
from linkup.crowd.sites import SimulatedSite
from tests.e2e.server import Server


@asynccontextmanager
async def crowd(
    server: Server, cache: Path, *ids: str, manners: Manners | None = None, codec: str = "vp8"
) -> AsyncIterator[dict[str, SimulatedSite]]:
    """These sites, joined by the page's way, with real footage."""
    kitchen = Kitchen(cache)
    looks = [Look(number, site, site) for number, site in enumerate(ids)]
    async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=15)) as session:
        sites: dict[str, SimulatedSite] = {}
        try:
            for look, recipe in zip(looks, recipes(looks, None, codec), strict=True):  # type: ignore[arg-type]
                clip = await kitchen.clip(recipe)
                token = server.invite("site", look.site).token
                site = SimulatedSite(session, server.url, look.site, token, clip, manners)
                sites[look.site] = site
                site.start()
            kitchen.close()
            for site in sites.values():

                async def present(joined: SimulatedSite = site) -> bool:
                    return joined.present.is_set()

                await server.wait(present, 20, f"{site.site} to join")
            yield sites
        finally:
            for site in sites.values():
                await site.stop()


@asynccontextmanager
async def desk(server: Server) -> AsyncIterator[Page]:
    """An operator's console without a browser."""
    async with aiohttp.ClientSession() as session:
        address = socket_url(server.url, "/ws/console")
        page = Page(session, address, server.invite("operator").token)
        await page.open()
        try:
            yield page
        finally:
            await page.close()


async def take(page: Page, *sites: str, layout: str = "full", **more: Any) -> None:
    """Put sites on air with a cut."""
    await page.ask("preview", layout=layout, sites=list(sites), **more)
    await page.ask("take", mode="cut")


@pytest.fixture(scope="session")
def footage(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Footage is encoded once for all tests."""
    return tmp_path_factory.mktemp("footage")
