"""The light client against an independent peer, aiortc's own RTCPeerConnection, and over loss."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiortc import RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import AudioStreamTrack, VideoStreamTrack

from linkup.crowd.client import Client, Manners
from linkup.crowd.clips import Clip
from linkup.crowd.impair import Profile
from linkup.crowd.offers import Wish, read
from linkup.errors import PeerError

ONLY_SEND = Wish(video_slots=0, audio_slots=0)
Signal = Callable[[str], Awaitable[str]]


@asynccontextmanager
async def aiortc_peer() -> AsyncIterator[tuple[RTCPeerConnection, Signal]]:
    peer = RTCPeerConnection()

    async def signal(offer: str) -> str:
        await peer.setRemoteDescription(RTCSessionDescription(offer, "offer"))
        await peer.setLocalDescription(await peer.createAnswer())
        return str(peer.localDescription.sdp)

    try:
        yield peer, signal
    finally:
        await peer.close()


async def test_publishes(any_clip: Clip) -> None:
    async with aiortc_peer() as (peer, signal):
        tracks: dict[str, Any] = {}
        peer.on("track", lambda track: tracks.update({track.kind: track}))
        wish = Wish(video=any_clip.codec, video_slots=0, audio_slots=0)
        client = Client(wish, Manners(), any_clip)
        try:
            await client.connect(signal)
            picture = await asyncio.wait_for(tracks["video"].recv(), 5)
            sound = await asyncio.wait_for(tracks["audio"].recv(), 5)
        finally:
            client.close()
        assert (picture.width, picture.height, sound.sample_rate) == (320, 180, 48000)
        # The border is red in the first site's look.
        red, green, _ = picture.to_ndarray(format="rgb24")[1, 100]
        assert red > 180 and green < 90
        assert client.summary()["protection"].startswith("SRTP_AEAD")


async def test_pictures_come_through_loss(clip: Clip) -> None:
    """aiortc asks for lost packets by NACK; a seed of 5 % loss, each way."""
    async with aiortc_peer() as (peer, signal):
        tracks: dict[str, Any] = {}
        peer.on("track", lambda track: tracks.update({track.kind: track}))
        manners = Manners(impairment=Profile(loss=0.05, delay_ms=5, jitter_ms=3), seed=7)
        client = Client(ONLY_SEND, manners, clip)
        try:
            await client.connect(signal)
            for _ in range(30):
                await asyncio.wait_for(tracks["video"].recv(), 5)
        finally:
            client.close()
        summary = client.summary()
        assert summary["wire"]["up"]["lost"] > 0


async def test_receives() -> None:
    async with aiortc_peer() as (peer, signal):
        peer.addTrack(VideoStreamTrack())
        peer.addTrack(AudioStreamTrack())
        client = Client(Wish(audio=False, video=None, video_slots=1, audio_slots=1))
        try:
            await client.connect(signal)
            assert 0 < await client.first_picture(8) < 8
        finally:
            client.close()
        slots = client.summary()["slots"]
        assert [slot["kind"] for slot in slots] == ["video", "audio"]
        assert slots[0]["keyframes"] >= 1 and client.lost() == 0


async def test_nobody_answers() -> None:
    """An answer with a candidate where nobody listens: an error in time, no leak."""
    client = Client(Wish(audio=False, video=None, video_slots=1, audio_slots=0))

    async def signal(offer: str) -> str:
        return offer.replace("recvonly", "sendonly").replace("actpass", "passive").replace(
            f" {client.link.addresses[0][1]} typ", " 9 typ"
        )  # fmt: skip

    with pytest.raises(PeerError, match="no answer to ICE checks"):
        await client.connect(signal, timeout=0.3)
    assert client.link.closed


@pytest.mark.parametrize("broken", ["", "v=0\r\n", "v=0\r\nm=video 9 X 96\r\na=ice-ufrag:a\r\n"])
def test_broken_answers(broken: str) -> None:
    with pytest.raises(PeerError, match="lacks"):
        read(broken)
