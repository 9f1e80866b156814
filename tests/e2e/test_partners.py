"""Other people's software: FFmpeg publishes by WHIP, aiortc plays by WHEP, nginx takes the push."""

from __future__ import annotations

import asyncio
import contextlib
import re
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import av
import imageio_ffmpeg
from aiortc import RTCPeerConnection, RTCSessionDescription

from tests.broadcast.test_push import Nginx
from tests.e2e import pictures
from tests.e2e.conftest import configure, free_port
from tests.e2e.crowd import desk, take
from tests.e2e.server import Server
from tests.e2e.test_story import broadcast_shows, on_air


@asynccontextmanager
async def ffmpeg_whip(server: Server, site: str, colour: str) -> AsyncIterator[None]:
    """FFmpeg's own WHIP client, as it comes: one colour and a tone."""
    token = server.invite("site", site).token
    process = await asyncio.create_subprocess_exec(
        imageio_ffmpeg.get_ffmpeg_exe(), "-hide_banner", "-loglevel", "warning",
        "-re", "-f", "lavfi", "-i", f"color={colour}:size=640x360:rate=30",
        "-re", "-f", "lavfi", "-i", "sine=frequency=440:sample_rate=48000",
        "-c:v", "libx264", "-preset", "ultrafast", "-tune", "zerolatency",
        "-profile:v", "baseline", "-g", "30", "-pix_fmt", "yuv420p", "-c:a", "libopus", "-ac", "2",
        "-f", "whip", "-authorization", token, f"{server.url}/whip/{site}",
        stdin=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    try:
        yield
        assert process.returncode is None, (await process.stderr.read()).decode()  # type: ignore[union-attr]
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        await process.communicate()


async def watch_by_whep(server: Server, frames: int) -> list[str]:
    """A plain subscriber (aiortc): the colours of the program's pictures."""
    peer = RTCPeerConnection()
    got: list[str] = []
    done = asyncio.Event()

    @peer.on("track")
    def on_track(track: object) -> None:
        if track.kind == "video":  # type: ignore[attr-defined]
            tasks.append(asyncio.create_task(read(track)))

    async def read(track: object) -> None:
        while len(got) < frames:
            frame = await track.recv()  # type: ignore[attr-defined]
            got.append(pictures.colour_of(frame))
        done.set()

    tasks: list[asyncio.Task[None]] = []
    peer.addTransceiver("video", direction="recvonly")
    peer.addTransceiver("audio", direction="recvonly")
    await peer.setLocalDescription(await peer.createOffer())
    headers = {
        "Authorization": f"Bearer {server.invite('partner').token}",
        "Content-Type": "application/sdp",
    }
    async with aiohttp.ClientSession() as session:
        address = f"{server.url}/whep/program"
        async with session.post(address, data=peer.localDescription.sdp, headers=headers) as answer:
            assert answer.status == 201, await answer.text()
            sdp, place = await answer.text(), answer.headers["Location"]
        await peer.setRemoteDescription(RTCSessionDescription(sdp, "answer"))
        await asyncio.wait_for(done.wait(), 15)
        async with session.delete(server.url + place, headers=headers) as answer:
            assert answer.status == 200
    await peer.close()
    for task in tasks:
        task.cancel()
    return got


async def test_encoder_in_broadcast_out(tmp_path: Path) -> None:
    nginx = Nginx(tmp_path, free_port())
    dead = free_port(socket.SOCK_STREAM)
    server = configure(
        tmp_path,
        "outputs:\n"
        f"  - {{name: news, url: 'rtmp://127.0.0.1:{nginx.port}/live/show'}}\n"
        f"  - {{name: dead, url: 'rtmp://127.0.0.1:{dead}/live/show'}}\n",
    )
    async with nginx.running():
        await server.start()
        try:
            async with ffmpeg_whip(server, "three", "green"), desk(server) as page:

                async def present() -> bool:
                    sites = (await server.status())["sites"]
                    return any(site["id"] == "three" and site["present"] for site in sites)

                await server.wait(present, 15, "FFmpeg to join")
                await take(page, "three")
                await on_air(server, "three")
                await broadcast_shows(server, "green")
                assert (await watch_by_whep(server, 30))[-1] == "green"
                outputs = {each["name"]: each for each in (await server.status())["outputs"]}
                assert outputs["news"]["state"] == "live"
                assert outputs["dead"]["state"] in ("retrying", "connecting")
                await asyncio.sleep(4)  # something for the partner to record
        finally:
            assert await server.stop() == 0
    file = sorted(nginx.recordings.glob("show*.flv"))[0]
    with av.open(str(file)) as container:
        colours = [pictures.colour_of(frame) for frame in container.decode(video=0)]
    assert colours[-1] == "green"
    with av.open(str(file)) as container:
        assert sum(frame.samples for frame in container.decode(audio=0)) > 48_000
    log = server.log.read_text(errors="replace")
    assert not re.search(r"live/show", log), "the partner's key stands in the log"
