"""Opus packets: the TOC byte, RFC 6716 §3.1. RTP clock is always 48 kHz (RFC 7587 §4.1)."""

from __future__ import annotations

from linkup.wire.rtp import Buffer

CLOCK_RATE = 48_000
# Samples at 48 kHz of one frame, by configuration number (RFC 6716 table 2).
_FRAME = (
    *(480, 960, 1920, 2880) * 3,  # SILK NB, MB, WB: 10, 20, 40, 60 ms
    *(480, 960) * 2,  # hybrid SWB, FB: 10, 20 ms
    *(120, 240, 480, 960) * 4,  # CELT NB, WB, SWB, FB: 2.5, 5, 10, 20 ms
)
_LONGEST = 5760  # 120 ms


def duration(payload: Buffer) -> int:
    """Length of a packet in samples at 48 kHz; 0 when it is empty or not valid."""
    if not payload:
        return 0
    toc = payload[0]
    count = (1, 2, 2, 0)[toc & 3]
    if not count:
        if len(payload) < 2:
            return 0
        count = payload[1] & 0x3F
    samples = _FRAME[toc >> 3] * count
    return samples if samples <= _LONGEST else 0


def channels(payload: Buffer) -> int:
    """1 or 2; 0 of an empty packet."""
    return (2 if payload[0] & 4 else 1) if payload else 0
