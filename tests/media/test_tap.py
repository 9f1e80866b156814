"""The tap: a recorder takes feeds, a mixer gives the program, a slow reader harms nobody."""

import socket

import pytest

from linkup import clock, messages
from linkup.wire import rtcp, rtp, tap

from .ends import Camera, until


class Reader:
    """A blocking-free tap client; `read` gives everything that has come."""

    def __init__(self, stage, **want):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        self.socket.setblocking(False)
        self.socket.connect(str(stage.plane.tap._path))
        self.got = []
        stage.readers.append(self.socket)
        self.write(tap.want_entry(tap.Want(**want), 0))

    def write(self, message):
        self.socket.send(message)

    def read(self):
        while True:
            try:
                message = self.socket.recv(tap.MAX_MESSAGE)
            except BlockingIOError:
                return self.got
            if not message:
                return self.got
            self.got += [(k, n, at, bytes(p)) for k, n, at, p in tap.entries(message)]

    def of(self, kind):
        return [entry for entry in self.read() if entry[0] == kind]


@pytest.fixture
def readers(stage):
    stage.readers = []
    yield lambda **want: Reader(stage, **want)
    for sock in stage.readers:
        sock.close()


async def test_a_recorder_gets_whole_packets(stage, readers):
    recorder = readers(reader="record")
    other = readers(reader="program", audio=[], video=[])
    camera = await stage.camera("north", 5)
    sent = Camera(5).next(True) + Camera(5, first=65503).next()
    for packet in sent:
        camera.send_rtp(packet)
    camera.send_rtcp(rtcp.SenderReport(5, 77 << 32, 99, 6, 1800))
    await until(lambda: len(recorder.of(tap.RTP)) == 6 and recorder.of(tap.REPORT))
    assert [entry[3] for entry in recorder.of(tap.RTP)] == sent
    track = tap.parse_track(recorder.of(tap.TRACK)[0][3])
    assert (track.feed, track.kind, track.codec, track.ssrc) == ("north", "video", "vp8", 5)
    assert recorder.got[0][0] == tap.TRACK
    assert tap.REPORT_BODY.unpack(recorder.of(tap.REPORT)[0][3]) == (77 << 32, 99)
    assert not other.read()
    recorder.write(tap.entry(tap.KEYFRAME, track.track, 0))
    other.write(tap.want_entry(tap.Want(reader="program", audio=[], video=["north"]), 0))
    await until(lambda: any(isinstance(each, rtcp.Pli) for each in camera.rtcp))
    await until(lambda: other.of(tap.TRACK))
    await camera.dtls.stop()
    await until(lambda: recorder.of(tap.GONE) and other.of(tap.GONE))


async def test_the_program_is_a_feed_like_any_other(stage, readers):
    viewer = await stage.join(
        [("video", "recvonly", 0), ("audio", "recvonly", 0)],
        kind="viewer",
        slots=["program"],
        audio="program",
    )
    mixer = readers(reader="program", audio=[], video=[])
    at = clock.now_ns()
    for number, kind, codec in ((1, "video", "h264"), (2, "audio", "opus")):
        told = tap.Track(
            track=number,
            feed="program",
            kind=kind,
            codec=codec,
            clock_rate=90000 if kind == "video" else 48000,
            ssrc=number,
            payload_type=100 + number,
        )
        mixer.write(tap.track_entry(told, at))
    await until(lambda: mixer.of(tap.KEYFRAME))
    assert mixer.of(tap.KEYFRAME)[0][1] == 1
    sps = b"\x18\x00\x02\x67\x4d\x00\x02\x65\x00"
    mixer.write(
        tap.entry(tap.RTP, 1, at, rtp.build(101, 1, 5, 1, sps, marker=True))
        + tap.entry(tap.RTP, 2, at, rtp.build(102, 1, 5, 2, b"sound"))
        + tap.entry(tap.RTP, 2, at, b"short")
        + tap.entry(tap.RTP, 9, at, rtp.build(102, 1, 5, 2, b"nobody's"))
        + tap.entry(tap.TRACK, 3, at, b"{}")
        + tap.entry(tap.REPORT, 2, at, tap.REPORT_BODY.pack(rtcp.ntp_from_utc_ns(10**18), 5))
    )
    await until(lambda: len(viewer.rtp) == 2)
    assert viewer.of(0)[0].payload == sps and viewer.of(0)[0].payload_type == 102
    assert viewer.of(1)[0].payload == b"sound"
    assert stage.plane.dropped["bad-tap-entry"] == 3
    await until(lambda: any(isinstance(each, rtcp.SenderReport) for each in viewer.rtcp))
    mixer.socket.close()
    await until(lambda: stage.facts(messages.FeedChanged)[-1].video is None)
    assert stage.facts(messages.SlotShown)[-1].feed is None


async def test_a_slow_reader_is_dropped_not_waited_for(stage, readers):
    readers(reader="stuck")
    camera = await stage.camera("north", 5)
    viewer = await stage.viewer("north")
    source = Camera(5, parts=40)
    sent = 0
    while not stage.plane.dropped["slow-sink"]:
        for packet in source.next(sent == 0, 1200):
            camera.send_rtp(packet)
        sent += 40
        await until(lambda want=sent: len(viewer.rtp) == want)
        assert sent < 40_000
    assert stage.plane.tap.readers[0].dropped == stage.plane.dropped["slow-sink"]
