"""The whole story in real browsers: two sites, a console, a viewer, a reviewer.

The colour of the site that was taken must be what sites, console, viewer and review show, and what
the decoded broadcast and recordings show.
"""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys
from pathlib import Path

import av
import numpy as np

from tests.e2e import pictures
from tests.e2e.browsers import chromium, expect_colour, join, page
from tests.e2e.conftest import configure
from tests.e2e.server import Server


async def on_air(server: Server, *sites: str) -> None:
    """Wait until the program confirmed that these sites are on air."""

    async def confirmed() -> bool:
        air = (await server.status())["on_air"]
        return air["sites"] == list(sites) and air["confirmed"] == air["take"]

    await server.wait(confirmed, 10, f"{sites} on air")


async def broadcast_shows(server: Server, colour: str) -> None:
    """Wait until the newest picture of HLS has this colour."""
    address = "/hls/test/video.m3u8"

    async def shows() -> bool:
        playlist = (await server.get(address)).decode()
        frames = await asyncio.to_thread(pictures.live_frames, playlist, server.url + address)
        return bool(frames) and pictures.colour_of(frames[-1]) == colour

    await server.wait(shows, 15, f"{colour} in the broadcast")


async def test_the_whole_story(tmp_path: Path) -> None:
    server = configure(tmp_path)
    await server.start()
    errors: list[str] = []
    red = pictures.camera(tmp_path / "red.y4m", "red")
    green = pictures.camera(tmp_path / "green.y4m", "green")
    tone = pictures.microphone(tmp_path / "tone.wav", 440)
    try:
        async with (
            chromium(red, tone) as first,
            chromium(green) as second,
            page(first, errors) as one,
            page(second, errors) as two,
            page(second, errors, viewport={"width": 1440, "height": 900}) as console,
        ):
            await join(one, server.invite("site", "one").url)
            await join(two, server.invite("site", "two").url)
            await console.goto(server.invite("operator").url + "&lang=en")
            await expect_colour(console, '.tile[data-site="one"] video', "red")
            await expect_colour(console, '.tile[data-site="two"] video', "green")

            # Click puts into preview, space takes.
            await console.locator('.tile[data-site="one"] .pick').click()
            await expect_colour(console, "#preview video", "red")
            await console.keyboard.press("Space")
            await on_air(server, "one")
            await expect_colour(console, "#program video", "red")
            await expect_colour(two, ".main-picture video", "red")
            await one.get_by_text("You are on air").wait_for()
            await broadcast_shows(server, "red")

            # The second site by its number; M mixes.
            await console.keyboard.press("3")
            await console.keyboard.press("m")
            await on_air(server, "two")
            await expect_colour(one, ".main-picture video", "green")
            await expect_colour(console, "#program video", "green")
            await broadcast_shows(server, "green")

            async with page(first, errors) as viewer:
                await viewer.goto(f"{server.url}/watch/test?lang=en")
                await expect_colour(viewer, "video", "green", 20)

            # A reload takes the seat back.
            await one.reload()
            await (
                one.get_by_role("button", name="Join the session")
                .or_(one.locator(".inside"))
                .first.wait_for()
            )
            if not await one.locator(".inside").count():
                await one.get_by_role("button", name="Join the session").click()
            await expect_colour(one, ".main-picture video", "green")
            await expect_colour(console, '.tile[data-site="one"] video', "red")

            # Reviewed while it is still being recorded, from the first second.
            async with page(first, errors) as review:
                await review.goto(server.invite("reviewer").url + "&lang=en")
                await review.locator("video").first.wait_for()
                await expect_colour(review, "video", "none", 20)  # the hall's name card at first
                await review.get_by_text("Site two").first.wait_for()
        chapters = (
            await server.get("/api/v1/consultations/test", server.invite("reviewer").token)
        )["chapters"]
        assert [chapter["sites"] for chapter in chapters[-2:]] == [["one"], ["two"]]
    finally:
        assert await server.stop() == 0
    assert not errors, errors
    check_recordings(server.data / "test")
    verify(server)


def check_recordings(folder: Path) -> None:
    """Every file decodes to its end; the pictures are those of its site."""
    for site, colour in (("one", "red"), ("two", "green")):
        for file in (folder / "sites" / site).glob("*.mkv"):
            assert pictures.colour_of(pictures.last_frame(str(file))) == colour
            check_length(file)
    program = sorted((folder / "program").glob("*.mp4"))
    assert program
    seen: list[str] = []
    for file in program:
        check_length(file)
        with av.open(str(file)) as container:
            for frame in container.decode(video=0):
                colour = pictures.colour_of(frame)
                if not seen or seen[-1] != colour:
                    seen.append(colour)
    colours = [colour for colour in seen if colour != "none"]
    assert colours[:2] == ["red", "green"], seen


def check_length(file: Path) -> None:
    """Picture and sound begin and end together, and nothing is missing in between."""
    ends: dict[str, float] = {}
    starts: dict[str, float] = {}
    with av.open(str(file)) as container:
        for packet in container.demux():
            if packet.pts is None or packet.time_base is None:
                continue
            kind = packet.stream.type
            at = float(packet.pts * packet.time_base)
            starts.setdefault(kind, at)
            ends[kind] = max(ends.get(kind, 0), at)
    assert {"video", "audio"} <= set(ends), f"{file.name} has {set(ends)}"
    assert abs(ends["video"] - ends["audio"]) < 0.5, (file, ends)


def verify(server: Server) -> None:
    """`linkup archive verify` finds nothing wrong; after one changed byte it does."""

    def run() -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "linkup", "archive", "verify", str(server.data / "test"),
             "--json"],
            capture_output=True, text=True, check=False,
        )  # fmt: skip

    result = run()
    assert result.returncode == 0, result.stdout + result.stderr
    file = next((server.data / "test" / "sites" / "one").glob("*.mkv"))
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    result = run()
    assert result.returncode != 0
    assert file.name in json.dumps(json.loads(result.stdout.splitlines()[-1]))


def tone_share(file: Path, hertz: float) -> float:
    """How much of a recording's sound is this tone, 0…1."""
    blocks = []
    with av.open(str(file)) as container:
        rate = container.streams.audio[0].rate
        for frame in container.decode(audio=0):
            array = frame.to_ndarray().astype(float)
            blocks.append(
                array[0] if frame.format.is_planar else array[0][:: len(frame.layout.channels)]
            )
    samples = np.concatenate(blocks)
    spectrum = np.abs(np.fft.rfft(samples)) ** 2
    frequencies = np.fft.rfftfreq(len(samples), 1 / rate)
    near = np.abs(frequencies - hertz) < 15
    return float(spectrum[near].sum() / max(spectrum.sum(), 1e-9))
