"""Lanes and runs: every packet arrives whole, in order, whatever the sizes."""

import random
import socket

import pytest

from linkup.media.socket import RUN, Lane, Port, pack_address


class Rig:
    def __init__(self):
        self.port = Port("127.0.0.1", 0)
        self.box = self.port.outbox
        self.there = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.there.bind(("127.0.0.1", 0))
        self.there.setblocking(False)
        self.name = pack_address(*self.there.getsockname(), self.port.family)

    def lane(self):
        return Lane(self.port.new_name(self.name))

    def fill(self, lane, data):
        if lane.count == RUN:
            self.box.flush()
        if not lane.count:
            self.box.dirty.append(lane)
        index = lane.count
        lane.memory[index * 2048 : index * 2048 + len(data)] = data
        lane.lengths[index][0] = len(data)
        lane.count += 1

    def got(self):
        out = []
        while True:
            try:
                out.append(self.there.recv(4096))
            except BlockingIOError:
                return out

    def close(self):
        self.port.close()
        self.there.close()


@pytest.fixture
def rig():
    rig = Rig()
    yield rig
    rig.close()


SIZES = [
    [5],
    [5, 5],
    [9, 9, 4],
    [4, 9],
    [9, 4, 9, 4],
    [9, 9, 4, 4, 4, 9],
    [3, 3, 3, 3, 5, 2, 2],
    [7] * 20,
]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("how", ["segments", "alone", "plain"])
def test_runs_of_any_sizes(rig, sizes, how):
    lane = rig.lane()
    if how == "alone":
        lane.segments = False
    elif how == "plain":
        rig.box._library = None
    sent = [bytes([number]) * size for number, size in enumerate(sizes)]
    for data in sent:
        rig.fill(lane, data)
    rig.box.put(b"single", rig.name)
    rig.box.flush()
    assert rig.got() == [*sent, b"single"]
    assert rig.box.sent == len(sent) + 1 and not rig.box.refused
    rig.box.flush()
    assert not rig.got()


def test_many_lanes_in_one_flush(rig):
    rng = random.Random(2)
    lanes = [rig.lane() for _ in range(300)]
    sent = []
    for number, lane in enumerate(lanes):
        for part in range(rng.randrange(4)):
            data = b"%d/%d" % (number, part)
            sent.append(data.ljust(rng.choice([20, 30])))
            rig.fill(lane, sent[-1])
    rig.there.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    rig.box.flush()
    assert rig.got() == sent


def test_a_refused_run_goes_packet_by_packet(rig):
    """As when the path's MTU is smaller than the packets: the kernel takes no segments then."""
    real = rig.box._library

    class Narrow:
        def sendmmsg(self, descriptor, messages, count, flags):
            if messages[0].msg_hdr.msg_controllen:
                from linkup.media.socket import ffi

                ffi.errno = 22  # EINVAL
                return -1
            return real.sendmmsg(descriptor, messages, 1, flags)

    rig.box._library = Narrow()
    lane = rig.lane()
    for _ in range(2):
        for number in range(3):
            rig.fill(lane, b"%d" % number)
        rig.box.flush()
        assert rig.got() == [b"0", b"1", b"2"]
        assert not lane.segments
    assert rig.box.sent == 6 and not rig.box.refused


def test_no_way_is_counted(rig):
    nowhere = pack_address("0.0.0.0", 0, rig.port.family)
    rig.box.put(b"x", nowhere)
    lane = Lane(rig.port.new_name(nowhere))
    rig.fill(lane, b"y")
    rig.fill(lane, b"z")
    rig.box.flush()
    assert rig.box.refused == 3 and not rig.box.sent
