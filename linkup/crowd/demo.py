"""`linkup demo`: everything at once on this machine, with sites that are not there.

Starts the server, joins a hall and branches with footage, takes the operator's part, prints where
to look, and tells in the end what was lost. Any simulated site yields its seat to a browser that
opens its link, and comes back when that leaves.
"""

from __future__ import annotations

import asyncio
import signal
import time
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

from linkup.crowd import verify
from linkup.crowd.client import Manners
from linkup.crowd.footage import Kitchen, recipes
from linkup.crowd.looks import Look
from linkup.crowd.operator import NAME, Operator, seat_free
from linkup.crowd.pages import Page, socket_url
from linkup.crowd.running import Running, fit, log_to, running
from linkup.crowd.screen import Screen
from linkup.crowd.simulate import CACHE
from linkup.crowd.sites import SimulatedSite
from linkup.errors import LinkupError

SWITCH_S = 5.0  # between two takes of the operator, less in a short demo
JOIN_S = 60.0
SETTLE_S = 1.2  # the processes tell their counts once a second


def run(
    branches: int, seconds: float, sites: Path | None, data: Path | None, json: bool,
    media: Path | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Run the demo; what it tells in the end. `seconds` 0: until Ctrl-C. `ok`: all is well."""
    source = sites or (Path("sites.yaml") if Path("sites.yaml").is_file() else None)
    folder = (data or Path("recordings")).absolute()
    file, settings = fit(source, folder / "demo", branches=branches, halls=_halls(source))
    screen = Screen(quiet=json)
    log = folder / "demo" / "server.log"
    log.unlink(missing_ok=True)
    with log_to(log):
        demo = Demo(screen, seconds, media)
        result = asyncio.run(demo.run(file, settings, folder))
    screen.end(result, log)
    return result


def _halls(source: Path | None) -> int:
    from linkup import config

    return len(config.load(source).halls) if source else 1


class Demo:
    """One demo, from start to summary."""

    def __init__(self, screen: Screen, seconds: float, media: Path | None) -> None:
        self._screen, self._seconds, self._media = screen, seconds, media
        self._stop = asyncio.Event()
        self._crowd: dict[str, SimulatedSite] = {}
        self._problems: list[str] = []
        self._began = time.time()
        self._times: dict[str, float] = {}

    async def run(self, file: Path, settings: Any, data: Path) -> dict[str, Any]:
        """The whole of it."""
        loop = asyncio.get_running_loop()
        for each in (signal.SIGINT, signal.SIGTERM):
            loop.add_signal_handler(each, self._stop.set)
        kitchen = Kitchen(data / CACHE)
        try:
            clips = self._prepare(kitchen, settings)
            async with running(file, settings, data) as server:
                self._mark("ready_s")
                result = await self._live(server, clips)
        finally:
            kitchen.close()
        return await self._judge(result, data / settings.consultation.id)

    def _mark(self, what: str) -> None:
        self._times[what] = round(time.time() - self._began, 2)

    def _prepare(self, kitchen: Kitchen, settings: Any) -> dict[str, asyncio.Task[Any]]:
        """Begin to encode at once, while the server starts."""
        looks = [
            Look(number, site.id, site.name.in_language("zh"))
            for number, site in enumerate(settings.sites)
        ]
        return {
            recipe.look.site: asyncio.create_task(kitchen.clip(recipe))
            for recipe in recipes(looks, self._media)
        }

    # ------------------------------------------------------------ live

    async def _live(self, server: Running, clips: dict[str, asyncio.Task[Any]]) -> dict[str, Any]:
        links = {site.id: server.invitation("site", site.id).url for site in server.settings.sites}
        names = {site.id: site.name.in_language("zh") for site in server.settings.sites}
        self._screen.addresses(
            console=server.invitation("operator", name="operator").url,
            viewer=f"{_base(links)}/watch/{server.settings.consultation.id}",
            review=server.invitation("reviewer", name="reviewer").url,
            links=links,
            names=names,
        )
        self._mark("first_address_s")
        token = server.invitation("operator", name=NAME).token
        page = Page(server.session, socket_url(server.url, "/ws/console"), token)
        await page.open()
        operator = Operator(page, self._every())
        work = [asyncio.create_task(self._join(server, page, site, clips[site])) for site in links]
        switching = asyncio.create_task(operator.run())
        watching = asyncio.create_task(self._watch(server, page, operator))
        try:
            joined = await self._joined(work, links)
            self._mark("all_joined_s")
            self._screen.joined(joined, len(links))
            await self._wait()
            self._screen.stopping()
        finally:
            for task in (switching, watching, *work, *clips.values()):
                task.cancel()
            await asyncio.gather(
                switching, watching, *work, *clips.values(), return_exceptions=True
            )
        await asyncio.sleep(SETTLE_S)
        metrics = await server.metrics()
        present = sum(site.totals.joined > 0 for site in self._crowd.values())
        await asyncio.gather(*(site.stop() for site in self._crowd.values()))
        await page.close()
        return self._counted(metrics, operator, present, len(links))

    def _every(self) -> float:
        """Seconds between takes: at least six takes even in a short demo."""
        return min(SWITCH_S, max(1.6, self._seconds / 8)) if self._seconds else SWITCH_S

    async def _join(self, server: Running, page: Page, site: str, clip: Any) -> None:
        token = server.invitation("site", site, name="simulated").token
        try:
            footage = await clip
        except LinkupError as error:
            self._problems.append(f"{site}: {error.message}")
            return
        each = SimulatedSite(
            server.session, server.url, site, token, footage, Manners(seed=site),
            seat_free=partial(seat_free, page, site),
        )  # fmt: skip
        self._crowd[site] = each
        each.start()
        await each.present.wait()

    async def _joined(self, work: list[asyncio.Task[None]], links: dict[str, str]) -> int:
        stop = asyncio.create_task(self._stop.wait())
        together = asyncio.create_task(_all(work))
        await asyncio.wait([stop, together], timeout=JOIN_S, return_when=asyncio.FIRST_COMPLETED)
        for task in (stop, together):
            task.cancel()
        missing = [site for site in links if not self._is_present(site)]
        if missing and not self._stop.is_set():
            self._problems.append(f"did not join within {JOIN_S:g} s: {', '.join(missing)}")
        return len(links) - len(missing)

    def _is_present(self, site: str) -> bool:
        each = self._crowd.get(site)
        return each is not None and each.present.is_set()

    async def _wait(self) -> None:
        try:
            await asyncio.wait_for(self._stop.wait(), self._seconds or None)
        except TimeoutError:
            return

    async def _watch(self, server: Running, page: Page, operator: Operator) -> None:
        """Once a second: what the screen shows while it runs."""
        told = False
        while True:
            metrics = await server.metrics()
            self._screen.state(page.state, metrics)
            if operator.handed_over_to and not told:
                told = True
                self._screen.handed_over(operator.handed_over_to)
            await asyncio.sleep(1)

    # ------------------------------------------------------------ the end

    def _counted(
        self, metrics: dict[str, float], operator: Operator, joined: int, wanted: int
    ) -> dict[str, Any]:
        sites = [site.summary() for site in self._crowd.values()]
        self._problems += operator.errors
        lost = sum(site["packets_lost"] for site in sites)
        return {
            "sites": wanted,
            "sites_joined": joined,
            "packets_sent": sum(site["packets_sent"] for site in sites),
            "packets_received": sum(site["packets_received"] for site in sites),
            "packets_lost": lost,
            "packets_lost_inside": int(metrics.get("linkup_media_lost_inside_total", 0)),
            "program_frames": int(metrics.get("linkup_program_frames_total", 0)),
            "program_frames_missed": int(metrics.get("linkup_program_missed_total", 0)),
            "hls_segments": int(metrics.get("linkup_program_hls_segments_total", 0)),
            "record_packets_dropped": int(metrics.get("linkup_record_dropped_total", 0)),
            "takes": operator.takes,
            "takes_confirmed": operator.confirmed,
            **self._times,
            "by_site": sites,
        }

    async def _judge(self, result: dict[str, Any], folder: Path) -> dict[str, Any]:
        """Decode what was recorded, and say whether all is well."""
        files = verify.recordings(folder, self._began)
        self._screen.verifying(len(files))
        verdicts = await asyncio.to_thread(verify.verify_all, files)
        good = [each for each in verdicts if each.ok]
        result |= {
            "recorded_bytes": sum(each.bytes for each in verdicts),
            "recordings": len(verdicts),
            "recordings_verified": len(good),
            "recorded_seconds": round(sum(each.seconds for each in verdicts), 1),
            "files": [asdict(each) for each in verdicts],
        }
        self._problems += [f"{each.file}: {each.text}" for each in verdicts if not each.ok]
        for short, wrong in (
            ("not every site joined", result["sites_joined"] < result["sites"]),
            ("packets were lost", result["packets_lost"] + result["packets_lost_inside"] > 0),
            ("frames of the program were missed", result["program_frames_missed"] > 0),
            ("the program made no frames", result["program_frames"] == 0),
            ("no HLS segments were made", result["hls_segments"] == 0),
            ("nothing was recorded", not files),
        ):
            if wrong:
                self._problems.append(short)
        result |= {"problems": self._problems, "ok": not self._problems}
        return result


async def _all(tasks: list[asyncio.Task[None]]) -> None:
    await asyncio.wait(tasks)


def _base(links: dict[str, str]) -> str:
    return next(iter(links.values())).split("/join/")[0]
