"""Two pages in a real Chromium: what one camera sends is decoded by the other."""

import asyncio
import os
import shutil
import socket
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy
import pytest
from aiohttp import web
from playwright.async_api import async_playwright

from linkup import clock, messages
from linkup.wire import h264, rtp, tap

from .ends import until
from .stagehand import media_process

CHROMIUM = shutil.which("chromium")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--use-fake-device-for-media-stream",
    "--use-fake-ui-for-media-stream",
    "--autoplay-policy=no-user-gesture-required",
]
PAGE = """<!doctype html><title>site</title><script>
async function join(name) {
  const pc = window.pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
  const own = await navigator.mediaDevices.getUserMedia(
    {audio: true, video: {width: 640, height: 360, frameRate: 30}});
  for (const track of [...own.getAudioTracks(), ...own.getVideoTracks()])
    pc.addTransceiver(track, {direction: "sendonly", streams: [own]});
  for (let i = 0; i < 4; i++) pc.addTransceiver("video", {direction: "recvonly"});
  for (let i = 0; i < 3; i++) pc.addTransceiver("audio", {direction: "recvonly"});
  window.frames_of = {};
  pc.ontrack = event => {
    const video = document.createElement(event.track.kind);
    video.srcObject = new MediaStream([event.track]);
    video.muted = event.track.kind == "video"; video.autoplay = true;
    video.dataset.mid = event.transceiver.mid;
    document.body?.append(video) ?? document.documentElement.append(video);
  };
  await pc.setLocalDescription();
  const answer = await fetch("/offer/" + name, {method: "POST", body: pc.localDescription.sdp});
  if (!answer.ok) throw new Error(await answer.text());
  await pc.setRemoteDescription({type: "answer", sdp: await answer.text()});
}
async function watch() {
  const pc = window.pc = new RTCPeerConnection({bundlePolicy: "max-bundle"});
  pc.addTransceiver("video", {direction: "recvonly"});
  pc.addTransceiver("audio", {direction: "recvonly"});
  const video = document.createElement("video");
  video.autoplay = true; video.srcObject = new MediaStream(); document.body.append(video);
  pc.ontrack = event => video.srcObject.addTrack(event.track);
  await pc.setLocalDescription();
  const answer = await fetch("/offer/viewer", {method: "POST", body: pc.localDescription.sdp});
  await pc.setRemoteDescription({type: "answer", sdp: await answer.text()});
}
async function stats() {
  const out = {state: pc.connectionState, slots: {}, sent: {}};
  for (const each of (await pc.getStats()).values()) {
    if (each.type == "inbound-rtp")
      out.slots[each.mid] = {frames: each.framesDecoded || 0, width: each.frameWidth || 0,
        packets: each.packetsReceived, lost: each.packetsLost, freezes: each.freezeCount || 0,
        samples: each.totalSamplesReceived || 0, energy: each.totalAudioEnergy || 0};
    if (each.type == "outbound-rtp")
      out.sent[each.kind] = {packets: each.packetsSent, bytes: each.bytesSent,
        target: each.targetBitrate || 0, keys: each.keyFramesEncoded || 0};
  }
  return out;
}
</script><body></body>"""


async def serve(control):
    async def page(request):
        return web.Response(text=PAGE, content_type="text/html")

    async def offer(request):
        name = request.match_info["name"]
        if name == "viewer":
            answer = await control.ask(
                peer="viewer",
                kind="viewer",
                publishes=None,
                offer=await request.text(),
                video_slots=["program"],
                audio="program",
            )
            return web.Response(text=answer.answer)
        other = "south" if name == "north" else "north"
        answer = await control.ask(
            peer=f"peer-{name}",
            kind="site",
            publishes=name,
            offer=await request.text(),
            video_slots=[other, None, None, name],
        )
        if isinstance(answer, messages.Failed):
            return web.Response(status=400, text=answer.text)
        return web.Response(text=answer.answer)

    app = web.Application()
    app.router.add_get("/", page)
    app.router.add_post("/offer/{name}", offer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, site._server.sockets[0].getsockname()[1]


async def look(page, condition, seconds=15):
    found = {}
    try:
        async with asyncio.timeout(seconds):
            while not condition(found := await page.evaluate("stats()")):  # noqa: ASYNC110
                await asyncio.sleep(0.1)
    except TimeoutError:
        pytest.fail(f"never came true; last: {found}")
    return found


@pytest.fixture
def run():
    folder = Path(tempfile.mkdtemp(prefix="lk-"))  # Unix socket paths are short
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


async def browser(playwright, folder):
    return await playwright.chromium.launch_persistent_context(
        str(folder / "profile"),
        executable_path=CHROMIUM,
        headless=True,
        args=FLAGS,
        env={**os.environ, "HOME": str(folder)},
    )


class Program:
    """What the program process gives: H.264 main profile and Opus, through the tap."""

    def __init__(self, run):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.connect(str(run / "tap.sock"))
        self.socket.setblocking(False)
        self.video = av.CodecContext.create("libx264", "w")
        self.video.width, self.video.height, self.video.pix_fmt = 640, 360, "yuv420p"
        self.video.time_base = Fraction(1, 30)
        self.video.options = {
            "preset": "ultrafast",
            "tune": "zerolatency",
            "profile": "main",
            "bf": "0",
            "g": "600",
        }
        self.audio = av.CodecContext.create("libopus", "w")
        self.audio.sample_rate, self.audio.layout, self.audio.format = 48000, "stereo", "s16"
        self.sequence = {1: 0, 2: 0}
        self.samples = 0

    def announce(self):
        for number, kind, codec, rate in ((1, "video", "h264", 90000), (2, "audio", "opus", 48000)):
            told = tap.Track(
                track=number,
                feed="program",
                kind=kind,
                codec=codec,
                clock_rate=rate,
                ssrc=number,
                payload_type=95 + number,
            )
            self.socket.send(tap.track_entry(told, clock.now_ns()))

    def asked_for_keyframe(self):
        try:
            message = self.socket.recv(tap.MAX_MESSAGE)
        except BlockingIOError:
            return False
        return any(kind == tap.KEYFRAME for kind, *_ in tap.entries(message))

    def _send(self, number, timestamp, payloads):
        at, out = clock.now_ns(), b""
        for index, payload in enumerate(payloads):
            self.sequence[number] += 1
            data = rtp.build(
                95 + number,
                self.sequence[number],
                timestamp,
                number,
                payload,
                marker=index == len(payloads) - 1,
            )
            out += tap.entry(tap.RTP, number, at, data)
        self.socket.send(out)

    def frame(self, index):
        image = numpy.zeros((360, 640, 3), numpy.uint8)
        image[:, : 40 + index * 4 % 600] = (200, 30, 30)
        frame = av.VideoFrame.from_ndarray(image)
        frame.pts = index
        if self.asked_for_keyframe():
            frame.pict_type = av.video.frame.PictureType.I
        for packet in self.video.encode(frame):
            self._send(1, index * 3000, h264.packetise(bytes(packet)))
        while self.samples < index * 1600:
            wave = 8000 * numpy.sin(numpy.arange(self.samples, self.samples + 960) / 20)
            both = numpy.repeat(wave, 2).astype(numpy.int16)[None]
            sound = av.AudioFrame.from_ndarray(both, "s16", "stereo")
            sound.sample_rate, sound.pts = 48000, self.samples
            for packet in self.audio.encode(sound):
                self._send(2, self.samples, [bytes(packet)])
            self.samples += 960

    async def run(self):
        loop = asyncio.get_running_loop()
        start = loop.time()
        index = 0
        while True:
            if index % 30 == 0:
                self.announce()
            self.frame(index)
            index += 1
            await asyncio.sleep(max(0, start + index / 30 - loop.time()))


async def test_the_program_is_seen_by_a_viewer(tmp_path, run):
    """H.264 from the tap is decoded by a browser whose offer came before it."""
    async with media_process(run) as (control, _), async_playwright() as playwright:
        runner, port = await serve(control)
        context = await browser(playwright, tmp_path)
        program = Program(run)
        task = asyncio.create_task(program.run())
        try:
            page = await context.new_page()
            await page.goto(f"http://localhost:{port}/")
            await page.evaluate("watch()")
            found = await look(
                page,
                lambda s: (
                    s["slots"].get("0", {}).get("frames", 0) > 20
                    and s["slots"].get("1", {}).get("energy", 0) > 0
                ),
            )
            assert found["slots"]["0"]["width"] == 640
            stats = control.last(messages.MediaStats)
            assert [(f.feed, f.width, f.height) for f in stats.feeds] == [("program", 640, 360)]
        finally:
            task.cancel()
            program.socket.close()
            await context.close()
            await runner.cleanup()
    assert task.cancelled() or not task.exception()


async def test_two_pages_see_and_hear_each_other(tmp_path, run):
    async with media_process(run) as (control, _), async_playwright() as playwright:
        runner, port = await serve(control)
        context = await browser(playwright, tmp_path)
        try:
            control.send(messages.OpenMicrophones(feeds=["north", "south"]))
            north, south = await context.new_page(), await context.new_page()
            for name, page in (("north", north), ("south", south)):
                await page.goto(f"http://localhost:{port}/")
                await page.evaluate(f"join('{name}')")
            for page in (north, south):
                found = await look(
                    page,
                    lambda s: (
                        s["slots"].get("2", {}).get("frames", 0) > 10
                        and s["slots"].get("5", {}).get("frames", 0) > 10
                        and s["slots"].get("6", {}).get("energy", 0) > 0
                    ),
                )
                assert found["slots"]["2"]["width"] == 640
                assert found["slots"]["2"]["lost"] == 0
            # The operator cuts: slot 2 of the north page shows the north itself, then the south.
            for feed in ("north", "south", "north"):
                before = (await north.evaluate("stats()"))["slots"]["2"]["frames"]
                control.send(
                    messages.MapSlots(peer="peer-north", video_slots=[feed, None, None, "north"])
                )
                await look(north, lambda s, b=before: s["slots"]["2"]["frames"] > b + 15)
            # REMB lets the camera rise at once; a browser alone begins at 300 kb/s.
            found = await look(north, lambda s: s["sent"]["video"]["target"] > 600_000)
            assert found["slots"]["2"]["lost"] == 0
            shown = [
                m.feed
                for m in control.said
                if isinstance(m, messages.SlotShown) and m.peer == "peer-north" and m.slot == 0
            ]
            assert shown == ["south", "north", "south", "north"]
            stats = control.last(messages.MediaStats)
            assert {f.feed for f in stats.feeds} == {"north", "south"}
            assert all(f.width == 640 and f.height == 360 for f in stats.feeds)
            assert stats.lost_inside == 0

            def estimated():  # browsers reckon it from our abs-send-time
                return all(each.remb_bps for each in control.last(messages.MediaStats).receivers)

            await until(estimated, 10)
        finally:
            await context.close()
            await runner.cleanup()
