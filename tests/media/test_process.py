"""The whole process, control played by the test; a real aiortc client as an independent end."""

import asyncio
import shutil
import tempfile
from fractions import Fraction
from pathlib import Path

import av
import numpy
import pytest
from aiortc import (
    RTCConfiguration,
    RTCPeerConnection,
    RTCSessionDescription,
    VideoStreamTrack,
)
from aiortc.mediastreams import AudioStreamTrack

from linkup import messages

from .ends import Camera, End, offer_sdp, until
from .stagehand import media_process


@pytest.fixture
def run():
    folder = Path(tempfile.mkdtemp(prefix="lk-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


async def test_packets_flow_while_control_is_dead(run):
    async with media_process(run) as (control, _):

        async def join(peer, lines, **more):
            end = End()
            answer = await control.ask(peer=peer, offer=offer_sdp(lines), **more)
            return await end.connect(answer.answer)

        camera = await join("cam", [("video", "sendonly", 9)], kind="whip", publishes="north")
        viewer = await join(
            "see", [("video", "recvonly", 0)], kind="whep", publishes=None, video_slots=["north"]
        )
        source = Camera(9)
        for packet in source.next(True):
            camera.send_rtp(packet)
        await until(lambda: len(viewer.rtp) == 3)
        await control.die()
        control.said.clear()
        for _ in range(5):
            for packet in source.next():
                camera.send_rtp(packet)
        await until(lambda: len(viewer.rtp) == 18)
        await control.listen()
        await until(lambda: control.hello is not None)
        peers = {each.peer: each for each in control.hello.peers}
        assert {name: each.state for name, each in peers.items()} == {
            "cam": "connected",
            "see": "connected",
        }
        assert peers["see"].video_slots == ["north"] and peers["cam"].publishes == "north"
        await until(lambda: control.last(messages.FeedChanged) is not None)
        assert control.last(messages.FeedChanged).video == "vp8"
        control.send(messages.ClosePeer(peer="cam", reason="dropped"))
        await until(
            lambda: any(
                isinstance(each, messages.PeerChanged)
                and each.peer.peer == "cam"
                and (each.peer.state, each.peer.reason) == ("closed", "dropped")
                for each in control.said
            )
        )
        answer = await control.ask(peer="bad", offer="nonsense", kind="whip", publishes="x")
        assert isinstance(answer, messages.Failed) and answer.code == "sdp"
        await camera.close()
        await viewer.close()


class Stripes(VideoStreamTrack):
    async def recv(self):
        pts, base = await self.next_timestamp()
        image = numpy.zeros((240, 320, 3), numpy.uint8)
        image[:, :160] = (0, 0, 255)
        frame = av.VideoFrame.from_ndarray(image, format="rgb24")
        frame.pts, frame.time_base = pts, Fraction(base)
        return frame


async def negotiated(control, pc, **fields):
    await pc.setLocalDescription(await pc.createOffer())
    answer = await control.ask(offer=pc.localDescription.sdp, **fields)
    assert isinstance(answer, messages.PeerOpened), answer
    await pc.setRemoteDescription(RTCSessionDescription(answer.answer, "answer"))


async def test_aiortc_publishes_and_plays(run):
    """An independent client of both ways: `sendrecv` by WHIP, `recvonly` by WHEP."""
    async with media_process(run) as (control, _):
        publisher, player = (RTCPeerConnection(RTCConfiguration(iceServers=[])) for _ in range(2))
        tracks = {}
        player.on("track", lambda track: tracks.setdefault(track.kind, track))
        control.send(messages.OpenMicrophones(feeds=["north"]))
        publisher.addTrack(AudioStreamTrack())
        publisher.addTrack(Stripes())
        await negotiated(control, publisher, peer="whip", kind="whip", publishes="north")
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
        async with asyncio.timeout(10):
            frame = await tracks["video"].recv()
            sound = await tracks["audio"].recv()
        assert (frame.width, frame.height) == (320, 240)
        picture = frame.to_ndarray(format="rgb24")
        assert picture[120, 60, 2] > 180 and picture[120, 250, 2] < 60
        assert sound.sample_rate == 48000
        await publisher.close()
        await player.close()
        await until(lambda: control.last(messages.FeedChanged).video is None)
