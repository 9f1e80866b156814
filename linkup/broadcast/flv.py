"""FLV tags (Adobe FLV specification 10.1, annex E): what an RTMP pusher is fed with."""

from __future__ import annotations

import struct

from linkup.broadcast import avc
from linkup.broadcast.packets import Encoded, Parameters

_AUDIO, _VIDEO = 8, 9
_AAC = 0xAF  # AAC, 44 kHz, 16 bit, stereo: constant for AAC whatever the rate is (E.4.2.1)


def head(video: Parameters, audio: Parameters) -> bytes:
    """File header and the two sequence headers that a decoder needs first."""
    record = avc.configuration(video.extradata)
    return (
        b"FLV\x01\x05\x00\x00\x00\x09\x00\x00\x00\x00"
        + _tag(_VIDEO, 0, b"\x17\x00\x00\x00\x00" + record)
        + _tag(_AUDIO, 0, bytes([_AAC, 0]) + audio.extradata)
    )


def tag(packet: Encoded, milliseconds: int) -> bytes:
    """One tag of an encoded packet (H.264 without B-frames, or AAC) at this time."""
    if packet.kind == "audio":
        return _tag(_AUDIO, milliseconds, bytes([_AAC, 1]) + packet.data)
    kind = b"\x17" if packet.keyframe else b"\x27"
    return _tag(_VIDEO, milliseconds, kind + b"\x01\x00\x00\x00" + avc.sample(packet.data))


def _tag(kind: int, milliseconds: int, body: bytes) -> bytes:
    low, high = milliseconds & 0xFFFFFF, milliseconds >> 24 & 0xFF
    header = struct.pack("!I", kind << 24 | len(body)) + struct.pack("!I", low << 8 | high)
    return header + bytes(3) + body + struct.pack("!I", 11 + len(body))
