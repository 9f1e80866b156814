"""A whole linkup with synthetic sites and a console, for benchmarks."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from linkup.crowd.client import Manners
from linkup.crowd.footage import Kitchen, recipes
from linkup.crowd.looks import Look
from linkup.crowd.pages import Page, socket_url
from linkup.crowd.running import Running, fit, log_to, running
from linkup.crowd.sites import SimulatedSite
from linkup.errors import PeerError

JOIN_S = 30.0


@dataclass
class Stage:
    """Everything that runs."""

    server: Running
    crowd: list[SimulatedSite]
    console: Page


def cache() -> Path:
    """Where footage for benchmarks is kept between runs."""
    return Path("recordings") / "cache" / "footage"


@contextlib.asynccontextmanager
async def stage(
    folder: Path, *, branches: int, halls: int = 1, changes: dict[str, Any] | None = None,
    source: Path | None = None,
) -> AsyncIterator[Stage]:  # fmt: skip
    """Start a server in `folder`, all sites joined, an operator's console open."""
    ports = {"server": {"port": 0, "media_port": 0}}
    file, settings = fit(
        source, folder / "bench", branches=branches, halls=halls, loopback=True,
        changes={**ports, **(changes or {})},
    )  # fmt: skip
    looks = [
        Look(number, site.id, site.name.in_language("zh"))
        for number, site in enumerate(settings.sites)
    ]
    kitchen = Kitchen(cache())
    try:
        clips = await asyncio.gather(*(kitchen.clip(recipe) for recipe in recipes(looks)))
    finally:
        kitchen.close()
    with log_to(folder / "bench" / "server.log"):
        async with running(file, settings, folder) as server:
            token = server.invitation("operator", name="bench").token
            console = Page(server.session, socket_url(server.url, "/ws/console"), token)
            await console.open()
            crowd = [
                SimulatedSite(
                    server.session, server.url, look.site,
                    server.invitation("site", look.site).token, clip, Manners(seed=look.site),
                )
                for look, clip in zip(looks, clips, strict=True)
            ]  # fmt: skip
            try:
                for site in crowd:
                    site.start()
                await _all_present(crowd)
                yield Stage(server, crowd, console)
            finally:
                await asyncio.gather(*(site.stop() for site in crowd))
                await console.close()


async def _all_present(crowd: list[SimulatedSite]) -> None:
    waits = [asyncio.create_task(site.present.wait()) for site in crowd]
    _, late = await asyncio.wait(waits, timeout=JOIN_S)
    for wait in late:
        wait.cancel()
    if late:
        errors = [error for site in crowd for error in site.totals.errors][:3]
        raise PeerError("join", f"{len(late)} sites did not join: {'; '.join(errors)}")
