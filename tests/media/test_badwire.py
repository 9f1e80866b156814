"""Publisher and viewer over a bad wire with a seed: retransmission brings the picture through."""

import asyncio

import pytest

from linkup.crowd.impair import Profile, Wire
from linkup.wire import rtcp
from tests.badwire import relay

from .ends import Camera, until

LOSSY = Profile(loss=0.05)


@pytest.mark.parametrize("seed", [1, 2, 3])
async def test_losses_are_mended_on_both_ways(stage, seed):
    """5 % lost each way: the publisher answers NACKs, the viewer asks, every frame arrives."""
    server = ("127.0.0.1", stage.plane.port.port)
    async with (
        relay(server, Profile(), seed=seed) as one,
        relay(server, Profile(), seed=seed) as two,
    ):
        camera = await stage.camera("north", 5, relay=one.address)
        viewer = await stage.viewer("north", relay=two.address)
        source, sent = Camera(5, first=100), {}

        def answer(report):
            if isinstance(report, rtcp.Nack):
                for number in report.lost:
                    camera.send_rtp(sent[number])

        camera.on_rtcp = answer
        for packet in source.next(True):
            sent[source.sequence] = packet
            camera.send_rtp(packet)
        await until(lambda: len(viewer.rtp) == 3)
        bad = one.up, two.down = Wire(LOSSY, seed), Wire(LOSSY, seed + 100)
        first = viewer.rtp[0].sequence
        total = 3
        asked: dict[int, int] = {}

        def ask():
            have = {(p.sequence - first) & 0xFFFF for p in viewer.rtp}
            gaps = [n for n in range(max(have)) if n not in have and asked.get(n, 0) < 40]
            for number in gaps:
                asked[number] = asked.get(number, 0) + 1
            if gaps:
                lost = tuple((first + n) & 0xFFFF for n in gaps)
                viewer.send_rtcp(rtcp.ReceiverReport(1), rtcp.Nack(1, viewer.ssrcs["0"], lost))
            return have

        for _ in range(60):
            for packet in source.next():
                sent[int.from_bytes(packet[2:4], "big")] = packet
                camera.send_rtp(packet)
                total += 1
            await asyncio.sleep(0.005)
            ask()
        one.up = two.down = Wire(Profile(), seed)
        for packet in source.next():  # shows the tail's losses
            camera.send_rtp(packet)
        total += 3
        async with asyncio.timeout(5):
            while len(ask()) < total:  # noqa: ASYNC110
                await asyncio.sleep(0.03)
        assert sum(wire.counts.lost for wire in bad) > 5
        track = stage.plane.feeds["north"].video
        assert track.given_up == 0 and not track.missing
