"""Two real ends over loopback: what one sends, the other gets, rewritten."""

import asyncio
import itertools

import pytest

from linkup import messages
from linkup.media.plane import Plane
from linkup.wire import rtcp, rtp, vp8

from .ends import Camera, End, offer_sdp, until


def pictures(packets):
    return [vp8.parse(packet.data, packet.start).picture_id for packet in packets]


async def test_a_camera_is_seen(stage):
    viewer = await stage.viewer("north")
    camera = await stage.camera("north", 1000)
    source = Camera(1000)
    for packet in source.next():  # no key frame yet: nothing may pass
        camera.send_rtp(packet)
    await until(lambda: any(isinstance(each, rtcp.Pli) for each in camera.rtcp))
    assert not viewer.rtp
    for key in (True, False, False):
        for packet in source.next(key):
            camera.send_rtp(packet)
    await until(lambda: len(viewer.rtp) == 9)
    got = viewer.of(0)
    assert len(got) == 9
    numbers = [packet.sequence for packet in got]
    assert numbers == [(numbers[0] + i) & 0xFFFF for i in range(9)]
    assert [p.timestamp - got[0].timestamp & 0xFFFFFFFF for p in got] == [0] * 3 + [3000] * 3 + [
        6000
    ] * 3
    first = pictures(got)[0]
    assert pictures(got) == [(first + i // 3) & 0x7FFF for i in range(9)]
    assert b"A1/0;" in got[0].payload
    assert [each.feed for each in stage.facts(messages.SlotShown)] == ["north"]
    changes = stage.facts(messages.FeedChanged)
    assert changes[-1].feed == "north" and changes[-1].video == "vp8"


async def test_switch_between_two_publishers(stage):
    viewer = await stage.viewer("north")
    north, south = await stage.camera("north", 1), await stage.camera("south", 2)
    a, b = Camera(1, mark=b"N"), Camera(2, first=7, mark=b"S")

    def both(key_a=False, key_b=False):
        for packet in a.next(key_a):
            north.send_rtp(packet)
        for packet in b.next(key_b):
            south.send_rtp(packet)

    both(True, True)
    await until(lambda: len(viewer.rtp) == 3)
    stage.plane.map_slots(viewer.peer, ["south"], "loudest")
    await until(lambda: any(isinstance(each, rtcp.Pli) for each in south.rtcp))
    both()
    await until(lambda: len(viewer.rtp) == 6)  # the old picture goes on
    both(False, True)
    await until(lambda: b"S" in viewer.rtp[-1].payload)
    both()
    await until(lambda: b"S3/2;" in viewer.rtp[-1].payload)
    stage.plane.map_slots(viewer.peer, ["north"], "loudest")
    both(True, False)
    await until(lambda: b"N4/2;" in viewer.rtp[-1].payload)
    got = viewer.of(0)
    assert len(got) == len(viewer.rtp)
    numbers = [packet.sequence for packet in got]
    assert numbers == [(numbers[0] + i) & 0xFFFF for i in range(len(numbers))]
    stamps = [packet.timestamp for packet in got if packet.marker]
    assert all(0 < y - x & 0xFFFFFFFF < 90_000 for x, y in itertools.pairwise(stamps))
    ids = pictures(got)
    assert all(y - x & 0x7FFF in (0, 1) for x, y in itertools.pairwise(ids))
    shown = [each.feed for each in stage.facts(messages.SlotShown)]
    assert shown == ["north", "south", "north"]


async def test_nack_is_answered_from_the_history(stage):
    viewer = await stage.viewer("north")
    camera = await stage.camera("north", 5)
    source = Camera(5)
    heard = []
    viewer.deaf = lambda data: heard.append(data) or len(heard) == 5
    for key in (True, False, False, False):
        for packet in source.next(key):
            camera.send_rtp(packet)
    await until(lambda: len(viewer.rtp) == 11)
    before = viewer.rtp[3]
    lost = (before.sequence + 1) & 0xFFFF
    viewer.send_rtcp(
        rtcp.ReceiverReport(1), rtcp.Nack(1, before.ssrc, (before.sequence, lost, lost + 3000))
    )
    await until(lambda: len(viewer.rtp) == 12 and viewer.replayed == 1)
    again = viewer.rtp[-1]
    assert again.sequence == lost and b"A1/1;" in again.payload
    assert stage.plane.peers[viewer.peer].nacks == 3


async def test_a_lost_packet_is_asked_for_and_fills_its_gap(stage):
    viewer = await stage.viewer("north")
    camera = await stage.camera("north", 5)
    source = Camera(5)
    packets = [p for key in (True, False, False) for p in source.next(key)]
    lost = packets[4]
    for packet in packets:
        if packet is not lost:
            camera.send_rtp(packet)
    await until(lambda: any(isinstance(each, rtcp.Nack) for each in camera.rtcp))
    nack = next(each for each in camera.rtcp if isinstance(each, rtcp.Nack))
    assert nack.media == 5 and nack.lost == (int.from_bytes(lost[2:4], "big"),)
    camera.send_rtp(lost)
    await until(lambda: len(viewer.rtp) == 9)
    numbers = sorted((p.sequence - viewer.rtp[0].sequence) & 0xFFFF for p in viewer.rtp)
    assert numbers == list(range(9))


async def test_a_late_key_frame_packet_lets_the_rest_follow(stage):
    viewer = await stage.viewer("north")
    camera = await stage.camera("north", 5)
    source = Camera(5)
    for packet in source.next():
        camera.send_rtp(packet)
    first, *rest = source.next(True)
    for packet in [*rest, *source.next()]:
        camera.send_rtp(packet)
    await until(lambda: any(isinstance(each, rtcp.Nack) for each in camera.rtcp))
    assert not viewer.rtp
    camera.send_rtp(first)
    await until(lambda: len(viewer.rtp) == 6)
    assert b"A1/0;" in viewer.rtp[0].payload


async def test_a_replaced_publisher_keeps_its_viewers(stage):
    viewer = await stage.viewer("north")
    old = await stage.camera("north", 5)
    for packet in Camera(5).next(True):
        old.send_rtp(packet)
    await until(lambda: len(viewer.rtp) == 3)
    new = await stage.camera("north", 6)
    closed = [
        each.peer for each in stage.facts(messages.PeerChanged) if each.peer.state == "closed"
    ]
    assert [(each.peer, each.reason) for each in closed] == [(old.peer, "replaced")]
    source = Camera(6, mark=b"B")
    for packet in source.next(True) + source.next():
        new.send_rtp(packet)
    await until(lambda: len(viewer.rtp) == 9)
    numbers = [packet.sequence for packet in viewer.of(0)]
    assert numbers == [(numbers[0] + i) & 0xFFFF for i in range(9)]
    assert [each.feed for each in stage.facts(messages.SlotShown)] == ["north"]


async def test_an_older_publisher_that_connects_late_does_not_take_over(stage):
    lines = [("video", "sendonly", 5)]
    slow = stage.open(lines, publishes="north")
    quick = await stage.camera("north", 6)
    assert slow.peer not in stage.plane.peers
    closed = [e.peer for e in stage.facts(messages.PeerChanged) if e.peer.state == "closed"]
    assert [(each.peer, each.reason) for each in closed] == [(slow.peer, "replaced")]
    assert stage.plane.feeds["north"].publisher == quick.peer


async def test_the_picture_goes_when_the_publisher_leaves(stage):
    viewer = await stage.viewer("north")
    camera = await stage.camera("north", 5)
    for packet in Camera(5).next(True):
        camera.send_rtp(packet)
    await until(lambda: len(viewer.rtp) == 3)
    await camera.dtls.stop()  # close_notify
    await until(lambda: [e.feed for e in stage.facts(messages.SlotShown)] == ["north", None])
    assert stage.facts(messages.FeedChanged)[-1].video is None
    assert stage.plane.peers.keys() == {viewer.peer}


async def test_sender_reports_map_time_and_count(stage):
    viewer = await stage.viewer("north")
    camera = await stage.camera("north", 5)
    source = Camera(5)
    packets = source.next(True)
    stamp = int.from_bytes(packets[0][4:8], "big")
    for packet in packets:
        camera.send_rtp(packet)
    camera.send_rtcp(rtcp.SenderReport(5, rtcp.ntp_from_utc_ns(10**18), stamp, 3, 900))
    await until(lambda: any(isinstance(e, rtcp.SenderReport) for e in viewer.rtcp))
    report = next(e for e in viewer.rtcp if isinstance(e, rtcp.SenderReport))
    assert (report.ssrc, report.packets) == (viewer.ssrcs["0"], 3)
    # At most two seconds went by since the frame, by the publisher's clock.
    assert (report.rtp - viewer.rtp[0].timestamp & 0xFFFFFFFF) < 180_000
    await until(lambda: any(isinstance(e, rtcp.Remb) for e in camera.rtcp))
    blocks = [b for e in camera.rtcp if isinstance(e, rtcp.ReceiverReport) for b in e.blocks]
    assert blocks[-1].ssrc == 5 and blocks[-1].lost == 0
    remb = next(e for e in camera.rtcp if isinstance(e, rtcp.Remb))
    assert remb.bitrate > 2_900_000 and remb.ssrcs == (5,)


async def test_voices_reach_everybody_but_oneself(stage):
    lines = [("audio", "sendonly", 0)] + [("audio", "recvonly", 0)] * 3
    ends = []
    for index in range(3):
        lines[0] = ("audio", "sendonly", 100 + index)
        ends.append(await stage.join(list(lines), publishes=f"s{index}"))
    stage.plane.set_open_microphones(["s0", "s1"])

    async def talk(count, first):
        for number in range(count):
            for index, end in enumerate(ends):
                end.send_rtp(
                    rtp.build(
                        111,
                        first + number,
                        960 * (first + number),
                        100 + index,
                        b"voice%d" % index,
                        extensions={1: rtp.pack_audio_level(-20 - index)},
                    )
                )
            await asyncio.sleep(0.002)

    await talk(3, 0)
    levels = stage.plane.take_levels()
    assert levels == {"s0": -20, "s1": -21, "s2": -22}
    await talk(5, 3)
    await until(lambda: all(end.rtp for end in ends))

    def heard(end):
        return {packet.payload for packet in end.rtp}

    assert heard(ends[0]) == {b"voice1"}
    assert heard(ends[1]) == {b"voice0"}
    assert heard(ends[2]) == {b"voice0", b"voice1"}


async def test_silence_is_told_then_ends_the_peer(stage):
    camera = await stage.camera("north", 5)
    peer = stage.plane.peers[camera.peer]

    def states():
        return [each.peer.state for each in stage.facts(messages.PeerChanged)]

    peer.heard_at -= 9_000_000_000
    await until(lambda: states() == ["connected", "silent"])
    camera.check()
    await until(lambda: states()[-1] == "connected")
    peer.heard_at -= 31_000_000_000
    await until(lambda: states()[-1] == "closed")
    assert stage.facts(messages.PeerChanged)[-1].peer.reason == "nothing heard for 30 s"
    assert not stage.plane.peers and not stage.plane._sources and not stage.plane._by_fragment


@pytest.mark.parametrize("host", ["::1", "127.0.0.1"])
async def test_both_families_on_one_port(tmp_path, host):
    try:
        plane = Plane("::", 0, tmp_path / "tap.sock", ("203.0.113.9",), 5, lambda message: None)
    except OSError:
        pytest.skip("no IPv6 here")
    offer = offer_sdp([("video", "sendonly", 1)])
    opened = plane.open_peer(
        messages.OpenPeer(request=1, peer="p", kind="site", publishes="north", offer=offer)
    )
    candidates = [line.split() for line in opened.answer.splitlines() if "a=candidate" in line]
    assert next(each[4] for each in candidates) == "203.0.113.9"
    assert {"127.0.0.1", "::1"} <= {each[4] for each in candidates}
    end = End(host)
    await end.connect(opened.answer)
    assert end.mapped[0] == host
    await end.close()
    await until(lambda: not plane.peers)
    await plane.close()


async def test_without_the_batch_calls_it_works_too(stage):
    """Where `recvmmsg` and `sendmmsg` do not exist."""
    stage.plane.port._library = stage.plane.box._library = None
    viewer = await stage.viewer("north")
    camera = await stage.camera("north", 5)
    for packet in Camera(5).next(True):
        camera.send_rtp(packet)
    await until(lambda: len(viewer.rtp) == 3)
