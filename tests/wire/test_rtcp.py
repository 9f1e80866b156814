import random

import pytest
from aiortc.rtp import RtcpPacket, RtcpPsfbPacket, RtcpRtpfbPacket, RtcpSrPacket, unpack_remb_fci
from hypothesis import given
from hypothesis import strategies as st

from linkup.wire import rtcp

BLOCK = rtcp.Block(7, 25, -3, 65537, 90, 0x12345678, 65536)
REPORTS = [
    rtcp.SenderReport(1, 5 << 32 | 77, 3, 4, 5),
    rtcp.SenderReport(1, 2, 3, 4, 5, (BLOCK, BLOCK)),
    rtcp.ReceiverReport(1),
    rtcp.ReceiverReport(1, (BLOCK,)),
    rtcp.Description(9, "name"),
    rtcp.Description(9, ""),
    rtcp.Description(9, "绍兴"),
    rtcp.Bye((1, 2)),
    rtcp.Nack(1, 2, (5,)),
    rtcp.Nack(1, 2, (65535, 0, 15, 100)),
    rtcp.Pli(1, 2),
    rtcp.Fir(1, ((2, 3), (4, 5))),
    rtcp.Remb(1, 3_000_000, (5, 6)),
    rtcp.Remb(1, 1, ()),
]


@pytest.mark.parametrize("report", REPORTS, ids=lambda each: type(each).__name__)
def test_each_alone(report):
    data = rtcp.build(report)
    assert len(data) % 4 == 0 and rtcp.is_rtcp(data)
    (found,) = rtcp.parse(data)
    if isinstance(report, rtcp.Remb):
        assert found.ssrcs == report.ssrcs
        assert abs(found.bitrate - report.bitrate) <= report.bitrate / 2**17
    else:
        assert found == report


def test_a_compound_of_all():
    found = rtcp.parse(memoryview(rtcp.build(*REPORTS)))
    assert [type(each) for each in found] == [type(each) for each in REPORTS]


def test_an_independent_reader_agrees():
    report, nack, remb = RtcpPacket.parse(
        rtcp.build(REPORTS[1], rtcp.Nack(1, 2, (9, 10, 26, 27)), rtcp.Remb(1, 1_000_000, (8,)))
    )
    assert isinstance(report, RtcpSrPacket) and report.reports[0].packets_lost == -3
    assert isinstance(nack, RtcpRtpfbPacket) and nack.lost == [9, 10, 26, 27]
    assert isinstance(remb, RtcpPsfbPacket)
    bitrate, ssrcs = unpack_remb_fci(remb.fci)
    assert abs(bitrate - 1_000_000) < 10 and ssrcs == [8]


@given(st.sets(st.integers(0, 65535), max_size=40))
def test_every_lost_number_is_told(lost):
    (found,) = rtcp.parse(rtcp.build(rtcp.Nack(1, 2, tuple(lost))))
    assert set(found.lost) == lost


@given(st.binary(max_size=100))
def test_any_bytes_are_read(data):
    rtcp.parse(data)
    for kind in range(200, 207):
        for count in (0, 1, 2, 4, 15, 31):
            words = len(data) // 4
            head = bytes((0x80 | count, kind, words >> 8, words & 255))
            rtcp.parse(head + data)
            rtcp.parse(bytes((0xA0 | count,)) + head[1:] + data)


def test_mutated_compounds_are_read():
    rng = random.Random(3)
    whole = rtcp.build(*REPORTS)
    for _ in range(3000):
        data = bytearray(whole)
        for _ in range(4):
            data[rng.randrange(len(data))] = rng.randrange(256)
        rtcp.parse(data[: rng.randrange(len(data))])


@given(st.integers(0, 2**62))
def test_ntp_time(utc_ns):
    ntp = rtcp.ntp_from_utc_ns(utc_ns)
    assert abs(rtcp.utc_ns_from_ntp(ntp) - utc_ns) <= 1
    assert rtcp.middle(5 << 32 | 7 << 16) == 5 << 16 | 7
