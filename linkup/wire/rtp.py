"""RTP packets: RFC 3550 §5.1, header extensions RFC 8285, audio level RFC 6464.

`parse` serves everybody outside the packet plane; the packet plane itself reads the same fixed
offsets by `HEADER.unpack_from`. Nothing here copies a payload unless asked to.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping

HEADER = struct.Struct("!BBHII")  # V/P/X/CC, M/PT, sequence, timestamp, SSRC
HEADER_BYTES = 12
ONE_BYTE = 0xBEDE  # RFC 8285 §4.2
TWO_BYTE = 0x1000  # RFC 8285 §4.3, lower four bits are application bits

URI_MID = "urn:ietf:params:rtp-hdrext:sdes:mid"
URI_RID = "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id"
URI_REPAIRED_RID = "urn:ietf:params:rtp-hdrext:sdes:repaired-rtp-stream-id"
URI_AUDIO_LEVEL = "urn:ietf:params:rtp-hdrext:ssrc-audio-level"
URI_ABS_SEND_TIME = "http://www.webrtc.org/experiments/rtp-hdrext/abs-send-time"

Buffer = bytes | bytearray | memoryview


class Packet:
    """One parsed RTP packet. `payload` is `data[start:end]`: without extensions and padding.

    `timestamp` counts in ticks of the track's clock (90 kHz video, 48 kHz Opus), modulo 2³².
    """

    __slots__ = (
        "data",
        "end",
        "extension_end",
        "extension_start",
        "marker",
        "payload_type",
        "profile",
        "sequence",
        "ssrc",
        "start",
        "timestamp",
    )

    data: Buffer
    payload_type: int
    marker: bool
    sequence: int
    timestamp: int
    ssrc: int
    start: int
    end: int
    profile: int  # of the header extension; 0: none
    extension_start: int
    extension_end: int

    @property
    def payload(self) -> bytes:
        """A copy of the payload."""
        return bytes(self.data[self.start : self.end])

    def extensions(self) -> Iterator[tuple[int, bytes]]:
        """`(id, value)` of each header extension element."""
        return elements(self.data, self.extension_start, self.extension_end, self.profile)

    def extension(self, identifier: int) -> bytes | None:
        """The value of one header extension element."""
        return next((value for each, value in self.extensions() if each == identifier), None)


def parse(data: Buffer) -> Packet:
    """Read one packet. Raises `ValueError` when it is not RTP or is cut off."""
    size = len(data)
    if size < HEADER_BYTES:
        raise ValueError("RTP packet shorter than its header")
    packet = Packet()
    first, second, packet.sequence, packet.timestamp, packet.ssrc = HEADER.unpack_from(data)
    if first >> 6 != 2:
        raise ValueError("not RTP version 2")
    packet.data = data
    packet.marker = second > 127
    packet.payload_type = second & 0x7F
    start = HEADER_BYTES + 4 * (first & 0x0F)
    packet.profile = packet.extension_start = packet.extension_end = 0
    if first & 0x10:
        if start + 4 > size:
            raise ValueError("RTP header extension is cut off")
        packet.profile = data[start] << 8 | data[start + 1]
        packet.extension_start = start + 4
        start += 4 + 4 * (data[start + 2] << 8 | data[start + 3])
        packet.extension_end = start
    if start > size:
        raise ValueError("RTP header is cut off")
    packet.start, packet.end = start, size
    if first & 0x20:
        padding = data[size - 1] if size > start else 0
        if not 0 < padding <= size - start:
            raise ValueError("RTP padding is longer than the packet")
        packet.end = size - padding
    return packet


def elements(data: Buffer, start: int, end: int, profile: int) -> Iterator[tuple[int, bytes]]:
    """`(id, value)` of each element of a header extension block; stops where it is cut off."""
    position = start
    if profile == ONE_BYTE:
        while position < end:
            head = data[position]
            position += 1
            if head == 0:  # padding
                continue
            identifier, length = head >> 4, (head & 0x0F) + 1
            if identifier == 15 or position + length > end:
                return
            yield identifier, bytes(data[position : position + length])
            position += length
    elif profile & 0xFFF0 == TWO_BYTE:
        while position < end:
            identifier = data[position]
            position += 1
            if identifier == 0:
                continue
            if position >= end:
                return
            length = data[position]
            position += 1
            if position + length > end:
                return
            yield identifier, bytes(data[position : position + length])
            position += length


def pack_elements(values: Mapping[int, bytes]) -> bytes:
    """A whole header extension block, one-byte form where every element fits it (RFC 8285 §4)."""
    if not values:
        return b""
    short = all(0 < each < 15 and 0 < len(value) <= 16 for each, value in values.items())
    body = b"".join(
        (bytes((each << 4 | len(value) - 1,)) if short else bytes((each, len(value)))) + value
        for each, value in values.items()
    )
    body += bytes(-len(body) % 4)
    return struct.pack("!HH", ONE_BYTE if short else TWO_BYTE, len(body) // 4) + body


def build(
    payload_type: int,
    sequence: int,
    timestamp: int,
    ssrc: int,
    payload: Buffer,
    *,
    marker: bool = False,
    extensions: Mapping[int, bytes] | None = None,
) -> bytes:
    """One RTP packet. Sequence and timestamp are taken modulo 2¹⁶ and 2³²."""
    block = pack_elements(extensions or {})
    header = HEADER.pack(
        0x90 if block else 0x80,
        payload_type | (0x80 if marker else 0),
        sequence & 0xFFFF,
        timestamp & 0xFFFFFFFF,
        ssrc,
    )
    return header + block + bytes(payload)


def audio_level(value: bytes) -> tuple[int, bool]:
    """`(dBov, voice)` of an RFC 6464 element: -127 (silence) … 0 (overload)."""
    if not value:
        return -127, False
    return -(value[0] & 0x7F), value[0] > 127


def pack_audio_level(dbov: int, *, voice: bool = False) -> bytes:
    """An RFC 6464 element's value of a level in -127 … 0 dBov."""
    return bytes((min(127, max(0, -dbov)) | (0x80 if voice else 0),))


def abs_send_time(ns: int) -> int:
    """A moment of any steady clock as abs-send-time has it: seconds in 6.18 fixed point."""
    return (ns << 18) // 1_000_000_000 & 0xFFFFFF
