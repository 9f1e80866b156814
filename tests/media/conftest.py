import asyncio
import itertools

import pytest

from linkup import messages
from linkup.media.plane import Plane

from .ends import End, offer_sdp


class Stage:
    """A plane and its light ends; `told` is what control would hear."""

    def __init__(self, tmp_path):
        self.told = []
        self.plane = Plane("127.0.0.1", 0, tmp_path / "tap.sock", (), 50, self.told.append)
        self.numbers = itertools.count(1)
        self.ends = []

    def open(self, lines, kind="site", publishes=None, slots=(), audio="loudest", **more):
        return self.plane.open_peer(
            messages.OpenPeer(
                request=1,
                peer=f"p{next(self.numbers)}",
                kind=kind,
                publishes=publishes,
                offer=offer_sdp(lines, **more),
                video_slots=list(slots),
                audio=audio,
            )
        )

    async def join(self, lines, relay=None, **more):
        opened = self.open(lines, **more)
        end = End()
        end.relay = relay
        end.peer = opened.peer
        self.ends.append(end)
        await end.connect(opened.answer)
        for _ in range(200):
            peer = self.plane.peers.get(opened.peer)
            if peer is None or peer.state == "connected":
                break
            await asyncio.sleep(0.005)
        return end

    async def camera(self, feed, ssrc, **more):
        return await self.join([("video", "sendonly", ssrc)], publishes=feed, **more)

    async def viewer(self, *slots, **more):
        lines = [("video", "recvonly", 0)] * max(1, len(slots))
        return await self.join(lines, kind="viewer", slots=slots, **more)

    def facts(self, kind):
        return [each for each in self.told if isinstance(each, kind)]


@pytest.fixture
async def stage(tmp_path):
    stage = Stage(tmp_path)
    yield stage
    for end in stage.ends:
        await end.close()
    await stage.plane.close()
