"""FFmpeg's own WHIP client publishes: not our code, not our libraries."""

import asyncio
import importlib.util
import shlex
import shutil
import subprocess
import tempfile
from pathlib import Path

import av
import pytest
from aiohttp import web
from aiortc import RTCConfiguration, RTCPeerConnection

from linkup import messages

from .ends import until
from .stagehand import media_process
from .test_process import negotiated


def whip_ffmpeg():
    """An ffmpeg with the whip muxer: PyPI `imageio-ffmpeg`, or the machine's."""
    found = [shutil.which("ffmpeg")]
    if importlib.util.find_spec("imageio_ffmpeg"):
        import imageio_ffmpeg

        found.insert(0, imageio_ffmpeg.get_ffmpeg_exe())
    for each in filter(None, found):
        muxers = subprocess.run([each, "-hide_banner", "-muxers"], capture_output=True, text=True)
        if " whip " in muxers.stdout:
            return each
    return None


FFMPEG = whip_ffmpeg()
ARGUMENTS = (
    "-hide_banner -loglevel warning -re -f lavfi -i testsrc2=size=320x240:rate=25 "
    "-f lavfi -i sine=frequency=440:sample_rate=48000 -c:v libx264 -preset ultrafast "
    "-tune zerolatency -profile:v baseline -g 25 -pix_fmt yuv420p -c:a libopus -ac 2 -f whip"
)


@pytest.mark.parametrize("role", ["passive", "active"])
async def test_ffmpeg_publishes(role):
    run = Path(tempfile.mkdtemp(prefix="lk-"))
    async with media_process(run) as (control, _):

        async def whip(request):
            answer = await control.ask(
                peer="ffmpeg", kind="whip", publishes="north", offer=await request.text()
            )
            if isinstance(answer, messages.Failed):
                return web.Response(status=400, text=answer.text)
            return web.Response(
                status=201,
                text=answer.answer,
                content_type="application/sdp",
                headers={"Location": "/whip/north/ffmpeg"},
            )

        async def end(request):
            return web.Response()

        app = web.Application()
        app.router.add_post("/whip/north", whip)
        app.router.add_delete("/whip/north/ffmpeg", end)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        port = site._server.sockets[0].getsockname()[1]
        control.send(messages.OpenMicrophones(feeds=["north"]))
        flags = "dtls_active" if role == "active" else "0"
        process = await asyncio.create_subprocess_exec(
            *shlex.split(f"{FFMPEG} {ARGUMENTS} -whip_flags {flags}"),
            f"http://127.0.0.1:{port}/whip/north",
        )
        player = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        try:
            tracks = {}
            player.on("track", lambda track: tracks.setdefault(track.kind, track))
            await until(lambda: control.last(messages.FeedChanged) is not None, 15)
            player.addTransceiver("video", direction="recvonly")
            player.addTransceiver("audio", direction="recvonly")
            await negotiated(
                control,
                player,
                peer="whep",
                kind="whep",
                publishes=None,
                video_slots=["north"],
                audio="north",
            )
            async with asyncio.timeout(15):
                frame = await tracks["video"].recv()
                sound = await tracks["audio"].recv()
            assert (frame.width, frame.height) == (320, 240)
            assert isinstance(sound, av.AudioFrame)
            changed = control.last(messages.FeedChanged)
            assert (changed.audio, changed.video) == ("opus", "h264")
        finally:
            process.terminate()
            await process.wait()
            await player.close()
            await runner.cleanup()
    shutil.rmtree(run, ignore_errors=True)
