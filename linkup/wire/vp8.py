"""VP8 in RTP: RFC 7741. The payload descriptor, key frames (RFC 6386 §9.1), whole frames."""

from __future__ import annotations

from linkup.wire.frames import Assembler, Frame
from linkup.wire.rtp import Buffer, Packet


class Descriptor:
    """A payload descriptor; positions are offsets into the buffer it was read from, -1: absent."""

    __slots__ = (
        "layer_sync",
        "non_reference",
        "partition",
        "picture_id",
        "picture_id_bits",
        "picture_id_position",
        "size",
        "start_of_partition",
        "temporal_id",
        "tl0picidx",
        "tl0picidx_position",
    )

    def __init__(self) -> None:
        self.start_of_partition = False
        self.partition = 0
        self.non_reference = False
        self.picture_id = -1
        self.picture_id_bits = 0  # 7 or 15
        self.picture_id_position = -1
        self.tl0picidx = -1
        self.tl0picidx_position = -1
        self.temporal_id = -1
        self.layer_sync = False
        self.size = 1  # bytes of the descriptor

    @property
    def begins_frame(self) -> bool:
        """True in the first packet of a frame."""
        return self.start_of_partition and self.partition == 0


def parse(data: Buffer, start: int = 0, end: int | None = None) -> Descriptor:
    """Read the descriptor of the payload `data[start:end]`. Raises `ValueError` when cut off."""
    if end is None:
        end = len(data)
    if start >= end:
        raise ValueError("empty VP8 payload")
    out = Descriptor()
    first = data[start]
    out.non_reference = bool(first & 0x20)
    out.start_of_partition = bool(first & 0x10)
    out.partition = first & 0x07
    position = start + 1
    try:
        if first & 0x80:
            position = _extended(data, position, out)
    except IndexError:
        raise ValueError("VP8 payload descriptor is cut off") from None
    if position > end:
        raise ValueError("VP8 payload descriptor is cut off")
    out.size = position - start
    return out


def _extended(data: Buffer, position: int, out: Descriptor) -> int:
    flags = data[position]
    position += 1
    if flags & 0x80:  # I
        out.picture_id_position = position
        if data[position] & 0x80:  # M
            out.picture_id = (data[position] & 0x7F) << 8 | data[position + 1]
            out.picture_id_bits = 15
            position += 2
        else:
            out.picture_id = data[position]
            out.picture_id_bits = 7
            position += 1
    if flags & 0x40:  # L
        out.tl0picidx_position = position
        out.tl0picidx = data[position]
        position += 1
    if flags & 0x30:  # T or K share one byte
        if flags & 0x20:
            out.temporal_id = data[position] >> 6
            out.layer_sync = bool(data[position] & 0x20)
        position += 1
    return position


def rewrite(data: bytearray | memoryview, found: Descriptor, picture_id: int, tl0: int) -> None:
    """Write picture id and TL0PICIDX in place, keeping their widths; absent ones are left out."""
    position = found.picture_id_position
    if position >= 0:
        if found.picture_id_bits == 15:
            data[position] = 0x80 | (picture_id >> 8) & 0x7F
            data[position + 1] = picture_id & 0xFF
        else:
            data[position] = picture_id & 0x7F
    if found.tl0picidx_position >= 0:
        data[found.tl0picidx_position] = tl0 & 0xFF


def is_keyframe(data: Buffer, found: Descriptor, start: int = 0) -> bool:
    """True when this payload is the first packet of a key frame."""
    body = start + found.size
    return found.begins_frame and len(data) > body and data[body] & 1 == 0


def frame_size(frame: Buffer) -> tuple[int, int]:
    """`(width, height)` in pixels of a key frame, `(0, 0)` of anything else."""
    if len(frame) < 10 or frame[0] & 1 or bytes(frame[3:6]) != b"\x9d\x01\x2a":
        return 0, 0
    return (frame[6] | frame[7] << 8) & 0x3FFF, (frame[8] | frame[9] << 8) & 0x3FFF


class FrameAssembler(Assembler):
    """Packets of one VP8 track → frames."""

    def push(self, number: int, packet: Packet, at: int) -> Frame | None:
        """Take the next packet (extended sequence number `number`); give a frame it completes."""
        self._begin(number, packet.timestamp)
        if packet.start == packet.end:  # padding only
            return None
        try:
            found = parse(packet.data, packet.start, packet.end)
        except ValueError:
            self._damaged = True
            return None
        if not self._parts and not found.begins_frame:
            self._damaged = True
        elif self._parts and found.begins_frame:  # a second beginning: the first had no end
            self._discard()
            self._damaged = False
        self._add(bytes(packet.data[packet.start + found.size : packet.end]))
        if not packet.marker:
            return None
        if self._damaged:
            self._discard()
            return None
        head = self._parts[0]
        keyframe = bool(head) and head[0] & 1 == 0
        return self._finish(at, keyframe, frame_size(head))
