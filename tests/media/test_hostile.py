"""Any datagram or offer from outside is handled or counted; nobody else notices."""

import asyncio
import os
import random
import socket

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from linkup import messages
from linkup.errors import BusyError, PeerError
from linkup.media import stun
from linkup.media.socket import unpack_address
from linkup.wire import rtcp

from .ends import Camera, End, _Protocol, offer_sdp, until


def stray_socket():
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind(("127.0.0.1", 0))
    sock.setblocking(False)
    return sock


def mutated(rng, data):
    data = bytearray(data)
    for _ in range(rng.randrange(1, 6)):
        if data:
            data[rng.randrange(len(data))] = rng.randrange(256)
    return bytes(data[: rng.randrange(len(data) + 1)])


async def test_ten_thousand_datagrams_disturb_nobody(stage):
    rng = random.Random(7)
    viewer = await stage.viewer("north")
    camera = await stage.camera("north", 5)
    source = Camera(5, first=100)
    samples = [
        *source.next(True),
        camera.dtls._tx_srtp.protect(source.next()[0]),
        camera.dtls._tx_srtp.protect_rtcp(rtcp.build(rtcp.ReceiverReport(1))),
        bytes((22, 254, 253, *bytes(20))),
        b"\x00\x01\x00\x00\x21\x12\xa4\x42" + bytes(12),
    ]
    source = Camera(5, first=900)
    stray = stray_socket()
    target = ("127.0.0.1", stage.plane.port.port)
    seen = 0
    for index in range(10_000):
        data = mutated(rng, rng.choice(samples)) if index % 2 else rng.randbytes(rng.randrange(200))
        if index % 3:
            stray.sendto(data, target)
        elif data:
            camera.raw(data)  # from an address that is trusted
        if index % 1000 == 0:
            for packet in source.next(index == 0):
                camera.send_rtp(packet)
            seen += 3
            await until(lambda want=seen: len(viewer.rtp) == want)
        if index % 50 == 0:
            await asyncio.sleep(0)
    await until(lambda: sum(stage.plane.dropped.values()) > 9_000)
    dropped = stage.plane.dropped
    assert dropped["defect"] == 0
    assert dropped["unauthenticated"] > 1000 and dropped["garbage"] > 100
    assert dropped["bad-srtp"] + dropped["bad-srtcp"] > 100
    assert len(stage.plane.peers) == 2 and len(stage.plane._sources) == 2
    with pytest.raises(BlockingIOError):  # strangers never get an answer
        stray.recv(100)
    stray.close()


async def test_a_wrong_password_gets_nothing(stage):
    opened = stage.open([("video", "sendonly", 1)], publishes="north")
    end = End()
    stage.ends.append(end)
    await end.connect(opened.answer, handshake=False)
    assert end.mapped is not None
    other = End()
    stage.ends.append(other)
    other.patience = 2
    other.check = lambda check=other.check: check(password="x" * 24)
    with pytest.raises(AssertionError, match="no answer"):
        await other.connect(opened.answer, handshake=False)
    assert stage.plane.dropped["stun-bad"] == 2
    assert len(stage.plane._sources) == 1


async def test_a_role_conflict_is_told(stage):
    opened = stage.open([("video", "sendonly", 1)], publishes="north")
    end = End()
    stage.ends.append(end)
    await end.connect(opened.answer, handshake=False)
    end.check(controlled=True)
    await until(lambda: end.errors == [487])


async def test_a_peer_moves_to_another_address(stage):
    viewer = await stage.viewer("north")
    camera = await stage.camera("north", 5)
    for packet in Camera(5).next(True):
        camera.send_rtp(packet)
    await until(lambda: len(viewer.rtp) == 3)
    loop = asyncio.get_running_loop()
    viewer.transport.close()
    viewer.transport, _ = await loop.create_datagram_endpoint(
        lambda: _Protocol(viewer), local_addr=("127.0.0.1", 0)
    )
    viewer.checked.clear()
    viewer.check()
    await until(viewer.checked.is_set)
    for packet in Camera(5, first=65503).next():
        camera.send_rtp(packet)
    await until(lambda: len(viewer.rtp) == 6)


async def test_a_flood_of_fake_checks_keeps_no_state(stage):
    opened = stage.open([("video", "sendonly", 1)], publishes="north")
    peer = stage.plane.peers[opened.peer]
    stray = stray_socket()
    for number in range(300):
        body = b"\x00\x06" + bytes((0, len(peer.fragment) + 2)) + f"{peer.fragment}:x".encode()
        body += bytes(-len(body) % 4)
        head = b"\x00\x01" + len(body).to_bytes(2, "big") + b"\x21\x12\xa4\x42" + os.urandom(12)
        stray.sendto(head + body, ("127.0.0.1", stage.plane.port.port))
        if number % 50 == 0:
            await asyncio.sleep(0)
    await until(lambda: stage.plane.dropped["stun-bad"] == 300)
    assert not stage.plane._sources and not peer.sources and not peer.name
    stray.close()


async def test_limits_and_bad_offers_are_explained(stage):
    lines = [("video", "sendonly", 1)]
    good = offer_sdp(lines)

    def refuse(offer, publishes="north"):
        with pytest.raises(PeerError) as caught:
            stage.plane.open_peer(
                messages.OpenPeer(
                    request=1, peer="x", kind="whip", publishes=publishes, offer=offer
                )
            )
        return caught.value

    assert refuse("hello").code == "sdp"
    assert "DTLS" in refuse(good.replace("a=fingerprint", "a=fngr")).message
    assert "ICE" in refuse(good.replace("a=ice-pwd", "a=x")).message
    assert "AV1" in refuse(offer_sdp([("video", "sendonly", 1, "av1")])).message.upper()
    assert refuse(offer_sdp([("video", "sendonly", 1, "av1")])).code == "codec"
    two = [("video", "sendonly", 1), ("audio", "sendonly", 2)]
    assert "BUNDLE" in refuse(offer_sdp(two, bundle=False)).message
    assert refuse(good, publishes=None).code == "sdp"
    assert not stage.plane.peers
    for _ in range(50):
        stage.open([("video", "recvonly", 0)], kind="viewer")
    with pytest.raises(BusyError):
        stage.open([("video", "recvonly", 0)], kind="viewer")


@settings(max_examples=200, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.binary(max_size=200))
def test_stun_takes_any_bytes(data):
    stun.local_fragment(data)
    stun.check(data, "password", ("127.0.0.1", 1))
    stun.local_fragment(b"\x00\x01" + data[:2] + b"\x21\x12\xa4\x42" + data)
    stun.check(b"\x00\x01" + data[:2] + b"\x21\x12\xa4\x42" + data, "password", ("::1", 1))


def test_addresses_survive_the_way_through_the_kernel():
    from linkup.media.socket import pack_address

    for host, family in (("10.1.2.3", socket.AF_INET), ("::1", socket.AF_INET6)):
        assert unpack_address(pack_address(host, 4711, family)) == (host, 4711)
    assert unpack_address(pack_address("10.1.2.3", 5, socket.AF_INET6)) == ("10.1.2.3", 5)
