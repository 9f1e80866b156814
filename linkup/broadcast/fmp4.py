"""Fragmented MP4 with one track: the initialization segment and media segments of CMAF.

PyAV's muxer cannot be told where a segment ends (no explicit flush), and the segments of HLS must
begin exactly at the aligned key frames of the program; the few boxes that needs are written here.
Sources: ISO/IEC 14496-12 (boxes), 14496-14 (esds), 14496-15 (avcC), 23000-19 (CMAF).
"""

from __future__ import annotations

import struct
from dataclasses import dataclass

from linkup.broadcast import avc
from linkup.broadcast.packets import Parameters

_IDENTITY = struct.pack("!9I", 0x10000, 0, 0, 0, 0x10000, 0, 0, 0, 0x40000000)
_SYNC = 0x02000000  # sample_depends_on = 2: a key frame
_DELTA = 0x01010000  # depends on others, is not a sync sample


@dataclass(frozen=True, slots=True)
class Sample:
    """One frame of picture or sound. `duration` in the track's timescale."""

    data: bytes
    duration: int
    keyframe: bool


def timescale(parameters: Parameters) -> int:
    """Ticks a second of the track."""
    return round(1 / parameters.time_base)


def initialization(parameters: Parameters) -> bytes:
    """`ftyp` and `moov` of a track of H.264 or AAC."""
    return _box(b"ftyp", b"iso6\0\0\0\1iso6cmfcmp41") + _box(
        b"moov", _movie_header(), _track(parameters), _box(b"mvex", _extends())
    )


def fragment(sequence: int, start: int, samples: list[Sample]) -> bytes:
    """`moof` and `mdat`: `samples` one after the other from decode time `start` (ticks)."""
    runs = b"".join(
        struct.pack("!III", each.duration, len(each.data), _SYNC if each.keyframe else _DELTA)
        for each in samples
    )
    # data offset (0x1), and duration (0x100), size (0x200), flags (0x400) of each sample
    flags = 0x1 | 0x100 | 0x200 | 0x400
    head_size = 8 + 16 + 8 + 16 + 20 + 20 + len(runs)  # moof, mfhd, traf, tfhd, tfdt, trun
    trun = _full(b"trun", 0, flags, struct.pack("!Ii", len(samples), head_size + 8), runs)
    moof = _box(
        b"moof",
        _full(b"mfhd", 0, 0, struct.pack("!I", sequence)),
        _box(
            b"traf",
            _full(b"tfhd", 0, 0x020000, struct.pack("!I", 1)),  # default-base-is-moof
            _full(b"tfdt", 1, 0, struct.pack("!Q", start)),
            trun,
        ),
    )
    return moof + _box(b"mdat", *(each.data for each in samples))


def _box(kind: bytes, *parts: bytes) -> bytes:
    return struct.pack("!I", 8 + sum(map(len, parts))) + kind + b"".join(parts)


def _full(kind: bytes, version: int, flags: int, *parts: bytes) -> bytes:
    return _box(kind, struct.pack("!I", version << 24 | flags), *parts)


def _movie_header() -> bytes:
    body = struct.pack("!IIIIIH", 0, 0, 1000, 0, 0x10000, 0x0100) + bytes(10) + _IDENTITY
    return _full(b"mvhd", 0, 0, body, bytes(24), struct.pack("!I", 2))


def _extends() -> bytes:
    return _full(b"trex", 0, 0, struct.pack("!IIIII", 1, 1, 0, 0, 0))


def _track(parameters: Parameters) -> bytes:
    video = parameters.codec == "h264"
    size = struct.pack("!II", parameters.width << 16, parameters.height << 16)
    header = struct.pack("!IIIIIIIHHHH", 0, 0, 1, 0, 0, 0, 0, 0, 0, 0 if video else 0x0100, 0)
    media = _full(b"mdhd", 0, 0, struct.pack("!IIIIHH", 0, 0, timescale(parameters), 0, 0x55C4, 0))
    handler = _full(b"hdlr", 0, 0, bytes(4), b"vide" if video else b"soun", bytes(12), b"linkup\0")
    kind = _full(b"vmhd", 0, 1, bytes(8)) if video else _full(b"smhd", 0, 0, bytes(4))
    place = _box(b"dinf", _full(b"dref", 0, 0, struct.pack("!I", 1), _full(b"url ", 0, 1)))
    entry = _video_entry(parameters) if video else _audio_entry(parameters)
    table = _box(
        b"stbl",
        _full(b"stsd", 0, 0, struct.pack("!I", 1), entry),
        _full(b"stts", 0, 0, bytes(4)),
        _full(b"stsc", 0, 0, bytes(4)),
        _full(b"stsz", 0, 0, bytes(8)),
        _full(b"stco", 0, 0, bytes(4)),
    )
    return _box(
        b"trak",
        _full(b"tkhd", 0, 3, header, _IDENTITY, size),
        _box(b"mdia", media, handler, _box(b"minf", kind, place, table)),
    )


def _video_entry(parameters: Parameters) -> bytes:
    size = struct.pack("!HH", parameters.width, parameters.height)
    resolution = struct.pack("!IIIH", 0x00480000, 0x00480000, 0, 1)
    head = bytes(6) + struct.pack("!H", 1) + bytes(16) + size + resolution + bytes(32)
    record = _box(b"avcC", avc.configuration(parameters.extradata))
    return _box(b"avc1", head, struct.pack("!Hh", 24, -1), record)


def _audio_entry(parameters: Parameters) -> bytes:
    head = bytes(6) + struct.pack("!H", 1) + bytes(8)
    sound = struct.pack("!HHHHI", parameters.channels, 16, 0, 0, parameters.sample_rate << 16)
    return _box(b"mp4a", head, sound, _elementary_stream(parameters))


def _elementary_stream(parameters: Parameters) -> bytes:
    """`esds` of AAC-LC: ES, decoder configuration, specific info, sync layer (14496-1 §7.2.6)."""
    info = _descriptor(5, parameters.extradata)
    rate = parameters.bit_rate
    config = struct.pack("!BB", 0x40, 0x15) + bytes(3) + struct.pack("!II", rate, rate)
    stream = struct.pack("!HB", 1, 0) + _descriptor(4, config + info) + _descriptor(6, b"\x02")
    return _full(b"esds", 0, 0, _descriptor(3, stream))


def _descriptor(tag: int, body: bytes) -> bytes:
    return struct.pack("!BB", tag, len(body)) + body
