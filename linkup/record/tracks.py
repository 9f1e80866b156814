"""One track from the tap: packets in arrival order → whole frames with their times.

PURE but for the state it keeps: no file, no clock. Times are monotonic ns.
"""

from __future__ import annotations

from dataclasses import dataclass

from linkup.record.timeline import Offset, TrackTime
from linkup.wire import h264, opus, rtp, vp8
from linkup.wire.reorder import Reorder
from linkup.wire.tap import Track

WAIT_MS = 300  # for a packet that is asked for again; with the cluster it must stay below 1 s


@dataclass(slots=True)
class Unit:
    """One coded frame of video, or one Opus packet."""

    data: bytes
    time: int  # when it was made, monotonic ns
    at: int  # when it arrived
    keyframe: bool
    gap: bool = False  # something before it is missing
    width: int = 0  # pixels, at key frames of video
    height: int = 0
    duration: int = 0  # ns, of audio


class TrackReader:
    """Puts the packets of one track in order and together."""

    def __init__(self, track: Track, shared: Offset) -> None:
        self.track = track
        self.time = TrackTime(track.clock_rate, shared)
        self.bad = 0  # packets that are not RTP
        self.heard = 0  # arrival of the newest packet
        self._order: Reorder[tuple[rtp.Packet, int]] = Reorder(WAIT_MS)
        self._assembler: vp8.FrameAssembler | h264.AccessUnitAssembler | None = None
        if track.kind == "video":
            self._assembler = (
                vp8.FrameAssembler() if track.codec == "vp8" else h264.AccessUnitAssembler()
            )
        self._expected: int | None = None  # of audio

    @property
    def lost(self) -> int:
        """Packets that never came."""
        return self._order.lost

    def push(self, payload: memoryview, at: int) -> list[Unit]:
        """One packet; the units that are complete by it."""
        try:
            packet = rtp.parse(payload)
        except ValueError:
            self.bad += 1
            return []
        self.heard = at
        return self._units(self._order.insert(packet.sequence, (packet, at), at))

    def expire(self, now: int) -> list[Unit]:
        """Give up packets that were waited for long enough."""
        return self._units(self._order.expire(now)) if len(self._order) else []

    def flush(self) -> list[Unit]:
        """What is left at the end of the track."""
        return self._units(self._order.flush())

    def _units(self, packets: list[tuple[int, tuple[rtp.Packet, int]]]) -> list[Unit]:
        units = []
        for number, (packet, at) in packets:
            make = self._sound if self._assembler is None else self._picture
            unit = make(number, packet, at)
            if unit is not None:
                units.append(unit)
        return units

    def _picture(self, number: int, packet: rtp.Packet, at: int) -> Unit | None:
        assert self._assembler is not None
        frame = self._assembler.push(number, packet, at)
        if frame is None:
            return None
        time = self.time.time(frame.timestamp, at)
        return Unit(frame.data, time, at, frame.keyframe, frame.gap, frame.width, frame.height)

    def _sound(self, number: int, packet: rtp.Packet, at: int) -> Unit | None:
        gap = self._expected is not None and number != self._expected
        self._expected = number + 1
        samples = opus.duration(packet.data[packet.start : packet.end])
        if not samples:
            return None
        time = self.time.time(packet.timestamp, at)
        length = samples * 1_000_000_000 // opus.CLOCK_RATE
        return Unit(packet.payload, time, at, True, gap, duration=length)


def keyframe_size(track: Track, payload: memoryview) -> tuple[int, int]:
    """`(width, height)` when this one packet begins a key frame, else `(0, 0)`.

    For tracks that are not being recorded: tells when a better layer of the same feed begins.
    """
    try:
        packet = rtp.parse(payload)
        body = packet.data[packet.start : packet.end]
        if track.codec == "vp8":
            found = vp8.parse(body)
            return vp8.frame_size(body[found.size :]) if vp8.is_keyframe(body, found) else (0, 0)
        if track.codec == "h264" and h264.is_keyframe(body):
            return next(
                (
                    h264.sps_size(unit)
                    for unit in h264.nal_units(bytes(body))
                    if unit[0] & 0x1F == h264.SPS
                ),
                (0, 0),
            )
    except ValueError:
        pass
    return 0, 0
