"""`kill -9` of each process in the middle of a linkup: what others notice, and what is lost."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path

import av

from tests.e2e import pictures
from tests.e2e.conftest import configure
from tests.e2e.crowd import crowd, desk, take
from tests.e2e.server import Server
from tests.e2e.test_story import on_air


async def back(server: Server, name: str, killed: int) -> None:
    """Wait until a killed process has been started again and reported to control."""

    async def again() -> bool:
        try:
            ready = await server.status()
        except (AssertionError, OSError):
            return False
        return server.pids().get(name, killed) != killed and (
            name == "control" or ready["processes"][name]
        )

    await server.wait(again, 10, f"{name} to be back")


def frames_received(sites: dict[str, object]) -> dict[str, int]:
    return {
        name: sum(slot.counts.frames for slot in site.client.slots if slot.kind == "video")  # type: ignore[attr-defined]
        for name, site in sites.items()
    }


async def test_control_dies_and_no_picture_stops(server: Server, footage: Path) -> None:
    async with crowd(server, footage, "main", "one", "two") as sites:
        async with desk(server) as page:
            await take(page, "one", strip={"name": "李明", "title": "委员"})
            await on_air(server, "one")
        before = {name: site.client for name, site in sites.items()}
        killed = server.kill("control")
        await back(server, "control", killed)
        await on_air(server, "one")  # read from the store

        async def all_back() -> bool:
            seats = (await server.status())["sites"]
            return all(site.present.is_set() for site in sites.values()) and all(
                seat["present"] for seat in seats if seat["id"] in sites
            )

        await server.wait(all_back, 10, "the sites' pages to be back")
        await asyncio.sleep(1)
        for name, site in sites.items():
            assert site.client is before[name], f"{name} had to connect anew"
            assert site.client is not None
            for slot in site.client.slots:
                assert slot.counts.freezes == 0, (name, slot.mid)
                assert slot.counts.lost == 0, (name, slot.mid)


async def test_media_dies_and_sites_come_back(server: Server, footage: Path) -> None:
    async with crowd(server, footage, "main", "one") as sites:
        killed = server.kill("media")
        await back(server, "media", killed)

        async def rejoined() -> bool:
            return all(
                site.totals.joined == 2 and site.client is not None and site.present.is_set()
                for site in sites.values()
            )

        await server.wait(rejoined, 15, "sites to come back")
        before = frames_received(sites)  # type: ignore[arg-type]

        async def pictures() -> bool:
            return all(
                count > before[name] + 10
                for name, count in frames_received(sites).items()  # type: ignore[arg-type]
            )

        await server.wait(pictures, 15, "pictures after the restart")


async def test_program_dies_and_hls_goes_on(server: Server, footage: Path) -> None:
    async with crowd(server, footage, "main"):
        await on_air(server, "main")
        playlist = "/hls/test/video.m3u8"

        async def segments() -> int:
            try:
                return int((await server.get(playlist)).decode().count("#EXTINF"))
            except AssertionError:
                return 0  # not found: no segment is closed yet

        async def two() -> bool:
            return await segments() >= 2

        await server.wait(two, 15, "two segments")
        killed = server.kill("program")
        await back(server, "program", killed)
        count = await segments()

        async def more() -> bool:
            return await segments() >= count + 2

        await server.wait(more, 15, "HLS to go on")
        text = (await server.get(playlist)).decode()
        assert text.count("#EXT-X-DISCONTINUITY\n") == 1
        assert "#EXT-X-ENDLIST" not in text
        names = re.findall(r"video-\d+\.m4s", text)
        assert len(set(names)) == len(names)
        newest = await asyncio.to_thread(pictures.live_frames, text, server.url + playlist)
        assert len(newest) == 60  # two seconds at 30 frames/s


async def test_record_dies_and_at_most_a_second_is_lost(tmp_path: Path, footage: Path) -> None:
    server = configure(tmp_path)
    await server.start()
    folder = server.data / "test"
    try:
        async with crowd(server, footage, "main", "one"):
            await asyncio.sleep(5)
            killed = server.pids()["record"]
            at_kill = {
                name: _recorded(folder / "sites" / name) for name in ("main", "one")
            }  # how much of it plays at this very moment, read by another process
            os.kill(killed, 9)
            await back(server, "record", killed)

            async def new_files() -> bool:
                return all(
                    len(list((folder / "sites" / name).glob("*.mkv"))) >= 2
                    for name in ("main", "one")
                )

            await server.wait(new_files, 10, "new recordings")
            await asyncio.sleep(2)
    finally:
        assert await server.stop() == 0
    for name in ("main", "one"):
        first, *rest = sorted((folder / "sites" / name).glob("*.mkv"))
        assert _seconds(first) >= at_kill[name]
        assert _seconds(first) > 3.5  # five seconds were sent, joining and one second are its due
        assert sum(_seconds(each) for each in rest) > 1


def _recorded(folder: Path) -> float:
    return sum(_seconds(each) for each in folder.glob("*.mkv"))


def _seconds(file: Path) -> float:
    """Length of what decodes."""
    last = 0.0
    with av.open(str(file)) as container:
        for frame in container.decode(video=0):
            last = frame.time or last
    return last
