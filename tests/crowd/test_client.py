"""The light client against an independent peer: aiortc's own RTCPeerConnection."""

from __future__ import annotations

import asyncio

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from linkup.crowd.client import Client, Manners
from linkup.crowd.clips import Clip, load
from linkup.crowd.footage import Recipe, encode
from linkup.crowd.looks import Look
from linkup.crowd.offers import Wish


@pytest.fixture(scope="session")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Clip:
    recipe = Recipe(Look(0, "main", "主会场"), None, "vp8", 320, 180, 200, 2)
    file = tmp_path_factory.mktemp("footage") / recipe.file_name()
    encode(recipe, file)
    return load(file)


async def test_publishes_to_aiortc(clip: Clip) -> None:
    peer = RTCPeerConnection()
    tracks = []
    peer.on("track", tracks.append)

    async def signal(offer: str) -> str:
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return peer.localDescription.sdp

    client = Client(Wish(video_slots=0, audio_slots=0), Manners(), clip)
    try:
        await client.connect(signal)
        by_kind = {track.kind: track for track in tracks}
        picture = await asyncio.wait_for(by_kind["video"].recv(), 5)
        sound = await asyncio.wait_for(by_kind["audio"].recv(), 5)
        assert (picture.width, picture.height) == (320, 180)
        assert sound.sample_rate == 48000
        # The border is red in the first site's look.
        assert picture.to_ndarray(format="rgb24")[1, 100, 0] > 200
    finally:
        client.close()
        await peer.close()


async def test_receives_from_aiortc() -> None:
    peer = RTCPeerConnection()
    peer.addTrack(VideoStreamTrack())
    peer.addTrack(AudioStreamTrack())

    async def signal(offer: str) -> str:
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return peer.localDescription.sdp

    client = Client(Wish(audio=False, video=None, video_slots=1, audio_slots=1))
    try:
        await client.connect(signal)
        await client.first_picture(8)
        summary = client.summary()
        assert [slot["kind"] for slot in summary["slots"]] == ["video", "audio"]
        assert summary["slots"][0]["keyframes"] >= 1
        assert client.lost() == 0
    finally:
        client.close()
        await peer.close()
