"""Two pages in a real Chromium: what one camera sends is decoded by the other."""

import asyncio
import os
import shutil
import tempfile
from pathlib import Path

import pytest
from aiohttp import web

from linkup import messages

from .stagehand import media_process

CHROMIUM = shutil.which("chromium")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="Debian's chromium is not installed")
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


async def test_two_pages_see_and_hear_each_other(tmp_path):
    from playwright.async_api import async_playwright

    run = Path(tempfile.mkdtemp(prefix="lk-"))  # Unix socket paths are short
    async with media_process(run) as (control, _), async_playwright() as playwright:
        runner, port = await serve(control)
        context = await playwright.chromium.launch_persistent_context(
            str(tmp_path / "profile"),
            executable_path=CHROMIUM,
            headless=True,
            args=FLAGS,
            env={**os.environ, "HOME": str(tmp_path)},
        )
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
            found = await north.evaluate("stats()")
            assert found["slots"]["2"]["freezes"] == 0
            assert found["sent"]["video"]["target"] > 600_000  # REMB let it rise at once
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
            print(stats)
        finally:
            await context.close()
            await runner.cleanup()
    shutil.rmtree(run, ignore_errors=True)
