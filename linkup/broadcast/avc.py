"""H.264 as files want it: avcC records and length-prefixed samples (ISO/IEC 14496-15 §5.3).

Encoders and RTP carry Annex B (start codes); MP4 and FLV carry lengths, and parameter sets only
in the header.
"""

from __future__ import annotations

import re
import struct
from collections.abc import Iterator

_START = re.compile(rb"\x00\x00\x01")
SPS, PPS, DELIMITER = 7, 8, 9
_OUT_OF_BAND = frozenset({SPS, PPS, DELIMITER})


def units(access_unit: bytes) -> Iterator[bytes]:
    """The NAL units of an Annex B access unit, without start codes and trailing zeros."""
    starts = [match.end() for match in _START.finditer(access_unit)]
    for position, start in enumerate(starts):
        end = starts[position + 1] - 3 if position + 1 < len(starts) else len(access_unit)
        unit = access_unit[start:end].rstrip(b"\x00")
        if unit:
            yield unit


def sample(access_unit: bytes) -> bytes:
    """The access unit as a sample of track type `avc1`: 4-byte lengths, no parameter sets."""
    return b"".join(
        struct.pack("!I", len(unit)) + unit
        for unit in units(access_unit)
        if unit[0] & 0x1F not in _OUT_OF_BAND
    )


def configuration(extradata: bytes) -> bytes:
    """The avcC record of Annex B extradata (§5.3.3.1). Raises `ValueError` without SPS, PPS."""
    sets = list(units(extradata))
    sps = [unit for unit in sets if unit[0] & 0x1F == SPS]
    pps = [unit for unit in sets if unit[0] & 0x1F == PPS]
    if not sps or not pps:
        raise ValueError("H.264 extradata lacks SPS or PPS")
    record = bytes([1, sps[0][1], sps[0][2], sps[0][3], 0xFF, 0xE0 | len(sps)])
    record += b"".join(struct.pack("!H", len(unit)) + unit for unit in sps)
    record += bytes([len(pps)])
    return record + b"".join(struct.pack("!H", len(unit)) + unit for unit in pps)


def codec_string(extradata: bytes) -> str:
    """`avc1.4d001f` as RFC 6381 §3.3 wants it."""
    record = configuration(extradata)
    return f"avc1.{record[1]:02x}{record[2]:02x}{record[3]:02x}"
